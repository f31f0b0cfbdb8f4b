package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// listening is a stream of events as a caller reads it.
type listening struct {
	t     *testing.T
	lines *bufio.Scanner
}

// listenTo serves the calls of a fleet and listens to its events.
func listenTo(t *testing.T, f *fleet, query string) (listening, chan struct{}) {
	t.Helper()
	stopped := make(chan struct{})
	mux := http.NewServeMux()
	calls{gateway: f, audit: audit{logger: slog.New(slog.DiscardHandler), noted: f}, stopped: stopped}.register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+api.Prefix+"/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("answered with %d, %s", response.StatusCode, kind)
	}
	return listening{t, bufio.NewScanner(response.Body)}, stopped
}

// next is the next event; "" is the end of the stream.
func (l listening) next() (name, data string) {
	l.t.Helper()
	for l.lines.Scan() {
		line := l.lines.Text()
		if after, ok := strings.CutPrefix(line, "event: "); ok {
			name = after
		}
		if after, ok := strings.CutPrefix(line, "data: "); ok {
			return name, after
		}
	}
	return "", ""
}

func TestEventsAreStreamedAsTheyHappen(t *testing.T) {
	f := fakeFleet()
	f.events = make(chan api.Event)
	l, _ := listenTo(t, f, "?kind=deed,ended&route=devices")
	for _, e := range []api.Event{
		{Kind: api.EventEnded, Ended: &api.Ended{ID: 1, Route: "chat"}},
		{Kind: api.EventReload, Reload: &api.Reload{}},
		{Kind: api.EventEnded, Ended: &api.Ended{ID: 2, Route: "devices"}},
	} {
		f.events <- e
	}
	name, data := l.next()
	var e api.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil || name != "ended" || e.Ended == nil || e.Ended.ID != 2 {
		t.Errorf("event %s: %s, %v; want the end of 2", name, data, err)
	}
}

// TestTheLastEventsComeFirst asks for two of those that have happened, beside those that happen then.
func TestTheLastEventsComeFirst(t *testing.T) {
	f := fakeFleet()
	deed := func(from string) api.Event { return api.Event{Kind: api.EventDeed, Deed: &api.Deed{From: from}} }
	for _, e := range []api.Event{deed("first"), deed("second"), {Kind: api.EventReload, Reload: &api.Reload{}}, deed("third")} {
		f.say(e)
	}
	l, _ := listenTo(t, f, "?kind=deed,ended&last=2")
	expect := func(want string) {
		t.Helper()
		name, data := l.next()
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil || name != "deed" || e.Deed.From != want {
			t.Errorf("event %s: %s, %v; want the deed of %s", name, data, err, want)
		}
	}
	expect("second")
	expect("third")
	for l.lines.Scan() && l.lines.Text() != ": listening" {
		if strings.HasPrefix(l.lines.Text(), "event") {
			t.Errorf("before it listens there is %s", l.lines.Text())
		}
	}
	f.mu.Lock()
	f.say(deed("fourth"))
	f.mu.Unlock()
	expect("fourth")
}

func TestAsManyOfThePastAsThereMayBe(t *testing.T) {
	for query, status := range map[string]int{"last=0": 400, "last=129": 400, "last=x": 400, "last=": 400} {
		w := askAPI(t, fakeFleet(), "GET", "/events?"+query)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", query, w.Code, status)
		}
	}
}

func TestWhoDoesNotKeepUpIsToldAndDropped(t *testing.T) {
	f := fakeFleet()
	f.events = make(chan api.Event)
	l, _ := listenTo(t, f, "")
	close(f.events)
	if name, data := l.next(); name != api.EventDropped || !strings.Contains(data, "events were lost") {
		t.Errorf("event %s: %s", name, data)
	}
	if name, _ := l.next(); name != "" {
		t.Errorf("after it: %s", name)
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	l, stopped := listenTo(t, fakeFleet(), "")
	close(stopped)
	if name, data := l.next(); name != "" {
		t.Errorf("event %s: %s", name, data)
	}
}

func TestDeedsAreNoted(t *testing.T) {
	f := fakeFleet()
	mux := http.NewServeMux()
	calls{gateway: f, audit: audit{logger: slog.New(slog.DiscardHandler), noted: f, token: true}}.register(mux)
	behind := newLock(mux, func() (string, error) { return "operator's", nil }, nil, audit{logger: slog.New(slog.DiscardHandler)})
	for _, call := range []string{"DELETE /connections?route=chat", "POST /plan", "GET /status", "DELETE /connections/9999999", "POST /reload"} {
		method, target, _ := strings.Cut(call, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, api.Prefix+target, nil)
		r.Header.Set("Authorization", "Bearer operator's")
		behind.ServeHTTP(httptest.NewRecorder(), r)
	}
	var got []string
	for _, d := range f.noted {
		if d.From == "" || d.Token != "operator" {
			t.Errorf("it is not said who: %+v", d)
		}
		got = append(got, d.Call+" "+d.Result)
	}
	want := []string{
		"DELETE /api/v1/connections?route=chat closed 60", "DELETE /api/v1/connections/9999999 failed: ", "POST /api/v1/reload generation 8, 1 change",
	}
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("noted are %q, want %q", got, want)
		}
	}
}

// TestAReloadThatIsRefusedIsAWarning is about a call that was answered, and whose answer is that the policy file has problems.
func TestAReloadThatIsRefusedIsAWarning(t *testing.T) {
	f := fakeFleet()
	f.broken = true
	log := &strings.Builder{}
	mux := http.NewServeMux()
	calls{gateway: f, audit: audit{logger: slog.New(slog.NewTextHandler(log, nil)), noted: f}}.register(mux)
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, api.Prefix+"/reload", nil))
	if said := log.String(); !strings.Contains(said, "level=WARN") || !strings.Contains(said, "status=422") || !strings.Contains(said, `result="refused: `) {
		t.Errorf("logged is %s", said)
	}
}
