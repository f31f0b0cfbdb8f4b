package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

// described is the API and its description.
type described struct {
	document *openapi3.T
	router   routers.Router
	server   http.Handler
}

func describe(t *testing.T, gateway Operated) described {
	t.Helper()
	text, err := files.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	calls{gateway: gateway, audit: audit{logger: slog.New(slog.DiscardHandler)}}.register(mux)
	return described{document, router, mux}
}

// ask calls the API and checks that the document has the call and describes the answer.
func (d described) ask(t *testing.T, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, api.Prefix+target, nil)
	route, path, err := d.router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: path, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(t.Context(), input); (err == nil) != (w.Code != http.StatusBadRequest) {
		t.Errorf("%s %s: answered with %d: %s; the document says of the call: %v", method, target, w.Code, w.Body, err)
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(),
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: input.Options,
	})
	if err != nil {
		t.Errorf("%s %s: the document does not describe the answer %s: %v", method, target, w.Body, err)
	}
	return w
}

func TestDocumentDescribesTheCallsThereAre(t *testing.T) {
	d := describe(t, fakeFleet())
	described, served := make(map[string][]string), make(map[string][]string)
	for path, item := range d.document.Paths.Map() {
		for method, operation := range item.Operations() {
			described[method+" "+path] = sentParams(item.Parameters, operation.Parameters)
		}
	}
	for _, o := range (calls{}).table() {
		params := slices.Clone(o.params)
		if o.shared {
			params = append(params, "Cache-Control")
		}
		served[o.method+" "+o.path] = slices.Sorted(slices.Values(params))
	}
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("served (-) and described (+) differ:\n%s", diff)
	}
}

// sentParams are those beside the path.
func sentParams(of ...openapi3.Parameters) []string {
	var names []string
	for _, params := range of {
		for _, p := range params {
			if p.Value.In != "path" {
				names = append(names, p.Value.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestDocumentDescribesEveryAnswer(t *testing.T) {
	f := fakeFleet()
	f.freeze()
	d := describe(t, f)
	for _, m := range slices.Clone(f.open) { // those in each state among them
		d.ask(t, "GET", "/connections/"+itoa(m.id))
	}
	for _, call := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/status", 200},
		{"GET", "/connections?limit=1000", 200},
		{"GET", "/connections?cursor=first&limit=5", 200},
		{"GET", "/connections?route=devices&client=198.&state=open&idle=1s&age=1m30s&due=10m&q=1&sort=-due&offset=2&limit=5", 200},
		{"GET", "/connections?offset=5000", 200},
		{"GET", "/connections?route=no_such", 404},
		{"GET", "/connections?limit=0", 400},
		{"GET", "/connections?sort=size", 400},
		{"GET", "/connections?idle=ten", 400},
		{"GET", "/connections/1", 404},
		{"GET", "/connections/x", 400},
		{"DELETE", "/connections/" + itoa(f.open[0].id), 200},
		{"DELETE", "/connections/1", 404},
		{"DELETE", "/connections?route=chat&idle=1m", 200},
		{"DELETE", "/connections?client=192.0.2.1", 200},
		{"GET", "/ended", 200},
		{"GET", "/ended?route=tills&reason=killed&limit=3", 200},
		{"GET", "/ended?route=no_such", 404},
		{"GET", "/ended?reason=boredom", 400},
		{"GET", "/routes", 200},
		{"GET", "/silence", 200},
		{"GET", "/silence?route=chat", 200},
		{"GET", "/silence?route=no_such", 404},
		{"GET", "/history", 200},
		{"GET", "/history?minutes=2", 200},
		{"GET", "/history?minutes=61", 400},
		{"GET", "/history?route=no_such", 404},
		{"GET", "/policies", 200},
		{"GET", "/upstreams", 200},
		{"POST", "/upstreams/device_servers/drain?endpoint=10.0.0.11:9000", 200},
		{"DELETE", "/upstreams/device_servers/drain?endpoint=10.0.0.11:9000", 200},
		{"POST", "/upstreams/device_servers/drain?endpoint=10.0.0.99:9000", 404},
		{"DELETE", "/upstreams/no_such/drain?endpoint=10.0.0.11:9000", 404},
		{"POST", "/upstreams/device_servers/drain", 400},
		{"GET", "/advice", 200},
		{"GET", "/advice?route=devices&tolerance=0.01", 200},
		{"GET", "/advice?route=no_such", 404},
		{"GET", "/advice?tolerance=2", 400},
		{"GET", "/config", 200},
		{"POST", "/reload", 200},
		{"POST", "/drain", 202},
		{"GET", "/status", 200},
		{"GET", "/openapi.json", 200},
	} {
		if w := d.ask(t, call.method, call.target); w.Code != call.status {
			t.Errorf("%s %s: status %d, want %d: %s", call.method, call.target, w.Code, call.status, w.Body)
		}
	}
}

func TestDocumentDescribesARefusedPolicyFile(t *testing.T) {
	f := fakeFleet()
	d := describe(t, f)
	f.breakFile(true)
	if w := d.ask(t, "POST", "/reload"); w.Code != 422 || !strings.Contains(w.Body.String(), `"line":14`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	for _, target := range []string{"/status", "/config"} { // both say it
		if w := d.ask(t, "GET", target); !strings.Contains(w.Body.String(), `"line":14`) {
			t.Errorf("%s does not say it: %s", target, w.Body)
		}
	}
}

func TestDocumentDescribesWhatTheGatewayRefuses(t *testing.T) {
	f := fakeFleet()
	d := describe(t, f)
	calls := []string{
		"GET /status", "GET /connections", "GET /connections/48300", "DELETE /connections/48300", "DELETE /connections?age=1ms", "GET /ended",
		"GET /routes", "GET /silence", "GET /history", "GET /upstreams", "GET /advice", "POST /drain", "POST /reload",
		"POST /upstreams/device_servers/drain?endpoint=10.0.0.11:9000", "DELETE /upstreams/device_servers/drain?endpoint=10.0.0.11:9000",
	}
	for _, test := range []struct {
		failure  error
		read     int // the status of most calls
		control  int // and of those that change settings
		sentence string
	}{
		{context.DeadlineExceeded, 503, 503, "busy"},
		{errors.New("loop 3 has ended"), 503, 409, "loop 3 has ended"},
	} {
		f.fail(test.failure)
		for _, call := range calls {
			method, target, _ := strings.Cut(call, " ")
			want := test.read
			if strings.Contains(call, "reload") || strings.Contains(call, "/drain?") {
				want = test.control
			}
			w := d.ask(t, method, target)
			if w.Code != want {
				t.Errorf("%s: status %d, want %d: %s", call, w.Code, want, w.Body)
			}
			if !strings.Contains(w.Body.String(), test.sentence) && target != "/drain" {
				t.Errorf("%s: %s; want a sentence with %q", call, w.Body, test.sentence)
			}
		}
	}
}

func itoa(id uint64) string { return strconv.FormatUint(id, 10) }
