package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"idlegate/gateway/admin/api"
)

func TestAnswersOfTheAPICannotBeTakenForAnythingElse(t *testing.T) {
	for _, target := range []string{"/status", "/connections/1", "/openapi.json", "/no_such"} {
		header := askAPI(t, fakeFleet(), "GET", target).Header()
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
	}
}

func TestWhatThereIsNotIsA404(t *testing.T) {
	for _, target := range []string{"", "/", "/route", "/routes/", "/routes/devices", "/connections/1/timers", "/upstreams//drain"} {
		w := askAPI(t, fakeFleet(), "GET", target)
		if moved := w.Header().Get("Location"); w.Code != 404 && moved == "" {
			t.Errorf("%q: status %d", target, w.Code)
		} else if moved == "" && !strings.Contains(w.Body.String(), "/api/v1/openapi.json describes the calls") {
			t.Errorf("%q: %s", target, w.Body)
		}
	}
}

func TestMethodsAPathDoesNotTakeAreA405(t *testing.T) {
	for call, allow := range map[string]string{
		"POST /status":                        "GET, HEAD",
		"PUT /connections":                    "GET, HEAD, DELETE",
		"POST /connections/48300":             "GET, HEAD, DELETE",
		"GET /reload":                         "POST",
		"HEAD /drain":                         "POST",
		"OPTIONS /routes":                     "GET, HEAD",
		"GET /upstreams/device_servers/drain": "POST, DELETE",
		"BREW /config":                        "GET, HEAD",
	} {
		method, target, _ := strings.Cut(call, " ")
		f := fakeFleet()
		w := askAPI(t, f, method, target)
		sentence := fmt.Sprintf("takes %s, not %s", allow, method)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow || !strings.Contains(w.Body.String(), sentence) {
			t.Errorf("%s: status %d, Allow %q: %s", call, w.Code, w.Header().Get("Allow"), w.Body)
		}
		if f.leaving || f.config.Generation != 7 {
			t.Errorf("%s changed something", call)
		}
	}
}

func TestHeadIsWhereGetIs(t *testing.T) {
	s := start(t, &fakeGateway{}, listen(t, "tcp", "127.0.0.1:0"))
	if status, body := call(t, s.operator, "HEAD", "localhost", api.Prefix+"/routes"); status != 200 || body != "" {
		t.Errorf("status %d: %q", status, body)
	}
}

// bare is a gateway with nothing to show, which has no slices and maps for it either.
type bare struct{ *fleet }

func (bare) List(context.Context, api.Filter, api.Page) (api.Connections, error) {
	return api.Connections{}, nil
}
func (bare) CloseAll(context.Context, api.Filter) (api.Closed, error) { return api.Closed{}, nil }
func (bare) Routes(context.Context) (api.Routes, error) {
	return api.Routes{Routes: []api.Route{{Name: "devices"}}}, nil
}
func (bare) Upstreams(context.Context) (api.Upstreams, error) {
	return api.Upstreams{Upstreams: []api.Upstream{{Endpoints: []api.Endpoint{{}}}}}, nil
}
func (bare) Status(context.Context) (api.Status, error) {
	return api.Status{Config: api.Config{LastReload: &api.Reload{}}}, nil
}
func (bare) Effective() api.Effective { return api.Effective{} }
func (bare) Process() api.Process     { return api.Process{} }

func TestListsAreNeverNull(t *testing.T) {
	for call, want := range map[string][]string{
		"GET /connections":            {`"connections":[]`},
		"DELETE /connections?age=1ms": {`"ids":[]`},
		"GET /routes":                 {`"listen":[]`, `"closed":{}`, `"refused":{}`, `"timeouts":[]`, `"idle_timeout_seconds":null`},
		"GET /upstreams":              {`"connects":{}`, `"last_connect":null`},
		"GET /status":                 {`"changes":[]`, `"pending":[]`, `"warnings":[]`},
		"GET /config":                 {`"last_reload":null`},
	} {
		method, target, _ := strings.Cut(call, " ")
		w := askAPI(t, bare{fakeFleet()}, method, target)
		for _, member := range want {
			if !strings.Contains(w.Body.String(), member) {
				t.Errorf("%s: no %s in %s", call, member, w.Body)
			}
		}
	}
}

func TestAnAnswerLeavesWhatTheGatewayKeepsAlone(t *testing.T) {
	kept := &api.Reload{}
	f := fakeFleet()
	f.config.LastReload = kept
	if w := askAPI(t, f, "GET", "/status"); !strings.Contains(w.Body.String(), `"changes":[]`) {
		t.Error(w.Body)
	}
	if kept.Changes != nil {
		t.Error("the gateway's own reload was changed")
	}
}

// stuck is a gateway whose event loops do not answer.
type stuck struct{ *fleet }

func (stuck) Status(ctx context.Context) (api.Status, error) { return api.Status{}, wait(ctx) }

func (stuck) Reload(ctx context.Context) (api.Reload, error) { return api.Reload{}, wait(ctx) }

func wait(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("ask loop 3: %w", ctx.Err())
}

func TestABusyGatewayIsA503InTime(t *testing.T) {
	for call, limit := range map[string]time.Duration{"GET /status": 5 * time.Second, "POST /reload": 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			method, target, _ := strings.Cut(call, " ")
			began := time.Now()
			w := askAPI(t, stuck{fakeFleet()}, method, target)
			sentence := fmt.Sprintf("the gateway is busy and did not answer within %s", limit)
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), sentence) {
				t.Errorf("%s: status %d: %s", call, w.Code, w.Body)
			}
			if took := time.Since(began); took != limit {
				t.Errorf("%s took %s, want %s", call, took, limit)
			}
		})
	}
}

func TestADrainThatHasBegunIsToldThoughTheStatusIsNotKnown(t *testing.T) {
	f := fakeFleet()
	f.fail(errors.New("loop 3 has ended"))
	w := askAPI(t, f, "POST", "/drain")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the gateway is being drained, but") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !f.leaving {
		t.Error("it is not being drained")
	}
}

// boundless is a gateway with a figure that JSON does not have.
type boundless struct{ *fleet }

func (boundless) Silences(context.Context, string) (api.Silences, error) {
	return api.Silences{Silences: []api.Silence{{Bounds: []float64{math.Inf(1)}}}}, nil
}

func TestAFigureThatCannotBeWrittenIsNoEmptyAnswer(t *testing.T) {
	w := askAPI(t, boundless{fakeFleet()}, "GET", "/silence")
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `{"error":"json: unsupported value: +Inf"}`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestHistoryHasAsManyMinutesAsAreAskedFor(t *testing.T) {
	f := fakeFleet()
	f.freeze()
	for target, want := range map[string]int{"/history?route=chat": 60, "/history?route=chat&minutes=1": 1, "/history?route=chat&minutes=3": 3} {
		f.count("chat", "client_fin", f.now(), 1)
		var all api.Histories
		if err := json.Unmarshal(askAPI(t, f, "GET", target).Body.Bytes(), &all); err != nil {
			t.Fatal(err)
		}
		if n := len(all.Histories[0].Minutes); n != want {
			t.Errorf("%s: %d minutes, want %d", target, n, want)
		}
	}
}
