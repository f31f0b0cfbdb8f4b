package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

// listener is a gateway that keeps what it was asked for.
type listener struct {
	*fleet
	filter        api.Filter
	page          api.Page
	route, reason string
	timer, cursor string
	limit         int
	tolerance     float64
}

func (l *listener) List(_ context.Context, filter api.Filter, page api.Page) (api.Connections, error) {
	l.filter, l.page = filter, page
	return api.Connections{}, nil
}

func (l *listener) CloseAll(_ context.Context, filter api.Filter) (api.Closed, error) {
	l.filter = filter
	return api.Closed{}, nil
}

func (l *listener) Endings(_ context.Context, q api.EndedQuery) (api.Endings, error) {
	l.route, l.reason, l.limit, l.cursor = q.Route, q.Reason, q.Limit, q.Cursor
	return api.Endings{}, nil
}

func (l *listener) Advise(_ context.Context, q api.AdviceQuery) (api.Advices, error) {
	l.route, l.timer, l.tolerance = q.Route, q.Timer, q.Tolerance
	return api.Advices{}, nil
}

// askAPI sends one call to the API alone.
func askAPI(t *testing.T, gateway Operated, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	calls{gateway: gateway, audit: audit{logger: slog.New(slog.DiscardHandler)}}.register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, api.Prefix+target, nil))
	return w
}

func TestParametersReachTheGateway(t *testing.T) {
	all := api.Filter{
		Route: "devices", Client: "10.0.7.", Endpoint: "[::1]:9000", State: api.HalfClosed,
		Idle: 90 * time.Second, Age: 24 * time.Hour, Due: 250 * time.Millisecond, Search: "a&b é",
	}
	whole := all
	whole.Client, whole.Search = "10.0.7.0/24", ""
	const query = "?route=devices&client=10.0.7.&endpoint=%5B::1%5D:9000&state=half_closed&idle=1m30s&age=1d&due=250ms&q=a%26b+%C3%A9"
	for name, test := range map[string]struct {
		method, target string
		want           listener
	}{
		"none":            {"GET", "/connections", listener{page: api.Page{Limit: 100}}},
		"all of a filter": {"GET", "/connections" + query, listener{filter: all, page: api.Page{Limit: 100}}},
		"a page":          {"GET", "/connections?sort=-silence&offset=300&limit=1000", listener{page: api.Page{Sort: "-silence", Offset: 300, Limit: 1000}}},
		"a walk":          {"GET", "/connections?cursor=0-17&limit=5", listener{page: api.Page{Cursor: "0-17", Limit: 5}}},
		"what to close": {
			"DELETE", "/connections?route=devices&client=10.0.7.0/24&endpoint=%5B::1%5D:9000&state=half_closed&idle=1m30s&age=1d&due=250ms",
			listener{filter: whole},
		},
		"endings":         {"GET", "/ended?route=chat&reason=killed&limit=7", listener{route: "chat", reason: "killed", limit: 7}},
		"all endings":     {"GET", "/ended", listener{limit: 100}},
		"advice":          {"GET", "/advice?route=chat&tolerance=1e-05", listener{route: "chat", tolerance: 0.00001}},
		"all advice":      {"GET", "/advice", listener{tolerance: 0.001}},
		"a page of ended": {"GET", "/ended?cursor=17-4&limit=5", listener{cursor: "17-4", limit: 5}},
		"one timer":       {"GET", "/advice?timer=max_lifetime", listener{timer: "max_lifetime", tolerance: 0.001}},
	} {
		t.Run(name, func(t *testing.T) {
			got := &listener{fleet: fakeFleet()}
			if w := askAPI(t, got, test.method, test.target); w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			got.fleet = nil
			if diff := cmp.Diff(test.want, *got, cmp.AllowUnexported(listener{})); diff != "" {
				t.Errorf("wanted (-) and asked for (+) differ:\n%s", diff)
			}
		})
	}
}

func TestParametersAreTakenStrictly(t *testing.T) {
	for name, test := range map[string]struct{ call, sentence string }{
		"unknown": {
			"GET /connections?rout=devices",
			`unknown parameter "rout": this call takes route, client, endpoint, state, idle, age, due, q, cursor, sort, offset, limit`,
		},
		"of another call":         {"DELETE /connections?route=devices&limit=5", `unknown parameter "limit": this call takes route,`},
		"a search to close":       {"DELETE /connections?q=17", `unknown parameter "q": this call takes route,`},
		"part of an address":      {"DELETE /connections?client=127.0.0", `client: "127.0.0" is no address: write one,`},
		"a walk with an order":    {"GET /connections?cursor=first&sort=id", `cursor is given: it has an order of its own`},
		"a walk from elsewhere":   {"GET /connections?cursor=first&offset=0", `cursor is given: it has an order of its own`},
		"where there are none":    {"GET /status?verbose=1", `unknown parameter "verbose": this call takes none`},
		"without a name":          {"GET /status?=1", `unknown parameter "": this call takes none`},
		"twice":                   {"GET /connections?route=devices&route=chat", "route is given 2 times; it takes one value"},
		"empty":                   {"DELETE /connections?route=&idle=1m", "route is empty; leave it out if it does not matter"},
		"without a value":         {"GET /connections?route", "route is empty"},
		"broken escape":           {"GET /connections?q=%zz", `the parameters cannot be read: invalid URL escape "%zz"`},
		"semicolon":               {"GET /connections?route=a;q=b", "the parameters cannot be read: invalid semicolon separator in query"},
		"unknown order":           {"GET /connections?sort=size", `sort is "size"; it must be one of id, -id, route, -route,`},
		"unknown state":           {"GET /connections?state=closed", `state is "closed"; it must be one of handshake, waiting, connecting, open, half_closed, draining`},
		"unknown reason":          {"GET /ended?reason=idle", `reason is "idle"; it must be one of client_fin, upstream_fin,`},
		"limit of none":           {"GET /connections?limit=0", `limit is "0"; it must be a whole number from 1 to 1000`},
		"limit too high":          {"GET /ended?limit=1001", `limit is "1001"; it must be a whole number from 1 to 1000`},
		"limit that is a word":    {"GET /ended?limit=all", `limit is "all"; it must be a whole number from 1 to 1000`},
		"offset before the first": {"GET /connections?offset=-1", `offset is "-1"; it must be a whole number from 0 to`},
		"offset beyond all":       {"GET /connections?offset=99999999999999999999", "it must be a whole number from 0 to"},
		"tolerance above one":     {"GET /advice?tolerance=1.5", `tolerance is "1.5"; it must be a share from 0 to 1, as in 0.001`},
		"advice on another timer": {"GET /advice?timer=deadline", `timer is "deadline"; it must be one of idle_timeout, first_message_timeout, message_timeout, max_lifetime`},
		"tolerance of none":       {"GET /advice?tolerance=NaN", `tolerance is "NaN"; it must be a share`},
		"tolerance in percent":    {"GET /advice?tolerance=1%25", `tolerance is "1%"; it must be a share`},
		"duration without unit":   {"GET /connections?idle=90", `idle is "90"; it must be a duration of whole d, h, m, s and ms, as in 10s, 1m30s or 7d`},
		"first of two mistakes":   {"GET /connections?idle=x&due=y", `idle is "x"`},
		"an id that is a word":    {"GET /connections/last", `"last" is no id of a connection`},
		"an id below none":        {"DELETE /connections/-1", `"-1" is no id of a connection`},
		"an id beyond all":        {"DELETE /connections/18446744073709551616", "is no id of a connection"},
		"no filter at all":        {"DELETE /connections", "without a filter this would end every connection"},
		"drain of no endpoint":    {"POST /upstreams/device_servers/drain", "endpoint is missing"},
		"a long value":            {"GET /connections?state=" + strings.Repeat("x", 5000), strings.Repeat("x", 60) + "…"},
		"a long name":             {"GET /connections?" + strings.Repeat("é", 5000) + "=1", strings.Repeat("é", 30) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			method, target, _ := strings.Cut(test.call, " ")
			f := fakeFleet()
			w := askAPI(t, f, method, target)
			var body api.Error
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != http.StatusBadRequest || !strings.Contains(body.Error, test.sentence) {
				t.Errorf("status %d: %s; want 400 with %s", w.Code, body.Error, test.sentence)
			}
			if len(body.Error) > 700 {
				t.Errorf("the sentence has %d bytes", len(body.Error))
			}
			if len(f.open) != 300 {
				t.Errorf("%d connections are left", len(f.open))
			}
		})
	}
}

func TestCallsTakeNoBody(t *testing.T) {
	mux := http.NewServeMux()
	calls{gateway: fakeFleet(), audit: audit{logger: slog.New(slog.DiscardHandler)}}.register(mux)
	w := httptest.NewRecorder()
	target := api.Prefix + "/upstreams/device_servers/drain"
	mux.ServeHTTP(w, httptest.NewRequest("POST", target, strings.NewReader("endpoint=10.0.0.11:9000")))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "calls take no body") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestManyParametersAreRefused(t *testing.T) {
	query := url.Values{}
	for i := range 20_000 {
		query.Set(fmt.Sprint("p", i), "1")
	}
	if w := askAPI(t, fakeFleet(), "GET", "/connections?"+query.Encode()); w.Code != http.StatusBadRequest || w.Body.Len() > 300 {
		t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestDurationsAreThoseOfThePolicyFile(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "10s": 10 * time.Second, "1m30s": 90 * time.Second, "90s": 90 * time.Second,
		"24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
		"0h5s": 5 * time.Second, "007s": 7 * time.Second, "3650d": 3650 * 24 * time.Hour,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "10", "s", "10 s", " 10s", "10S", "10us", "10w", "1.5s", "1m.5s", "+1s", "-1s", "1s30", "30s1m", "1s1s", "1h0x3s",
		"3651d", "3650d1ms", "9223372036854775807s", "99999999999999999999s", "١s", "10s\n", "never", "none", "0s", "0d0h", "1msd",
	} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", text, d)
		}
	}
}

func FuzzCallsAnswerInJSON(f *testing.F) {
	for _, o := range (calls{}).table() {
		f.Add(o.method, o.path)
	}
	for _, target := range []string{
		"", "/", "/connections/", "/connections/1/2", "/connections/%00", "/connections?%", "/connections?idle=1m30s&due=7d&sort=-due",
		"/upstreams/%2F..%2F/drain?endpoint=%ff", "/connections/18446744073709551615", "/advice?tolerance=1e-400",
	} {
		f.Add("GET", target)
		f.Add("PATCH", target)
	}
	mux := http.NewServeMux()
	calls{gateway: fakeFleet(), audit: audit{logger: slog.New(slog.DiscardHandler)}}.register(mux)
	f.Fuzz(func(t *testing.T, method, target string) {
		where, err := url.ParseRequestURI(api.Prefix + target)
		if err != nil {
			t.Skip("no address")
		}
		r := &http.Request{Method: method, URL: where, Host: "localhost", Header: http.Header{}}
		w := httptest.NewRecorder()
		ctx, leave := context.WithCancel(t.Context())
		if where.Path == api.Prefix+"/events" {
			leave() // else it would go on
		}
		mux.ServeHTTP(w, r.WithContext(ctx))
		leave()
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
			return
		}
		if w.Code >= 300 && w.Code < 400 {
			return // net/http sends a request for /a//b to /a/b
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		known := []int{200, 202, 400, 404, 405, 422}
		var body api.Error
		if !slices.Contains(known, w.Code) || json.Unmarshal(w.Body.Bytes(), &body) != nil && w.Code >= 400 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

func TestWhatIsSetOfAnEndpoint(t *testing.T) {
	for query, want := range map[string]string{
		"endpoint=10.0.0.13:9000&weight=10":            "{Weight:10 FileWeight:false State:}",
		"endpoint=10.0.0.13:9000&weight=file":          "{Weight:0 FileWeight:true State:}",
		"endpoint=10.0.0.13:9000&state=down&weight=1":  "{Weight:1 FileWeight:false State:down}",
		"endpoint=10.0.0.13:9000":                      "nothing to set",
		"weight=1":                                     "endpoint is missing",
		"endpoint=10.0.0.13:9000&weight=0":             "must be a whole number from 1 to 100",
		"endpoint=10.0.0.13:9000&weight=101":           "must be a whole number from 1 to 100",
		"endpoint=10.0.0.13:9000&state=maint":          "must be one of auto, up, down, drain",
		"endpoint=10.0.0.13:9000&state=":               "state is empty",
		"endpoint=10.0.0.13:9000&weight=1&weight=2":    "weight is given 2 times",
		"endpoint=10.0.0.13:9000&weight=1&drain=false": "unknown parameter",
	} {
		f := fakeFleet()
		answer := askAPI(t, f, http.MethodPost, "/upstreams/"+fleetRoutes()[0].upstream+"/endpoint?"+query)
		got := strings.Join(f.set, " ") + answer.Body.String()
		if !strings.Contains(got, want) || (answer.Code == http.StatusOK) != strings.HasPrefix(want, "{") {
			t.Errorf("%s: %d, set %v; want %s", query, answer.Code, f.set, want)
		}
	}
}
