package admin

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

// asked gives the calls of the page so far, each without what is before its path, and with its Cache-Control where it has one.
func (b *tab) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// noteCall notes one; b.mu is held.
func (b *tab) noteCall(r *network.Request) {
	_, call, ok := strings.Cut(r.URL, api.Prefix)
	if !ok || r.Method != "GET" {
		return
	}
	if control, ok := r.Headers["Cache-Control"].(string); ok {
		call += " " + control
	}
	b.calls = append(b.calls, call)
}

// waitForCall waits until the page has made a call for the nth time.
func (b *tab) waitForCall(call string, n int) {
	b.Helper()
	limit := time.After(patience)
	for count(b.asked(), call) < n {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit:
			b.Fatalf("%s is asked for %d times in %q, want %d", call, count(b.asked(), call), b.asked(), n)
		}
	}
}

func count(calls []string, call string) (n int) {
	for _, c := range calls {
		if c == call {
			n++
		}
	}
	return n
}

// asksAfresh looks at when the page takes an answer that others were given a second ago.
func asksAfresh(b *tab) {
	const afresh, byTheClock = "/status", "/status max-age=1"
	if first := slices.IndexFunc(b.asked(), func(call string) bool { return strings.HasPrefix(call, "/status") }); first < 0 || b.asked()[first] != afresh {
		b.Errorf("a page that is opened asks %q", b.asked())
	}
	b.waitForCall(byTheClock, 1)
	for what, happen := range map[string]func(){
		"an event": func() {
			b.fleet.mu.Lock()
			defer b.fleet.mu.Unlock()
			b.fleet.say(api.Event{Kind: api.EventHealth, At: b.fleet.now(), Health: &api.HealthEvent{Change: "up", Upstream: "chat_servers"}})
		},
		"a look":   b.poll,
		"a filter": func() { b.click(`#headers [data-sort="age"] button`) },
	} {
		before := count(b.asked(), afresh)
		b.Logf("after %s", what)
		happen()
		b.waitForCall(afresh, before+1)
	}
	b.waitForCall(byTheClock, count(b.asked(), byTheClock)+1)
	for _, call := range b.asked() {
		name, control, _ := strings.Cut(call, " ")
		if strings.HasPrefix(name, "/ended") || strings.HasPrefix(name, "/policies") || control == "" || control == "max-age=1" || control == "no-cache" {
			continue
		}
		b.Errorf("it asks %q", call)
	}
}

// asksWhileMuchHappens has events come faster than the page asks.
func asksWhileMuchHappens(b *tab) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		for i := time.Duration(0); ctx.Err() == nil; i++ { // no two are of one instant
			b.fleet.mu.Lock()
			b.fleet.say(api.Event{Kind: api.EventHealth, At: b.fleet.now().Add(i), Health: &api.HealthEvent{Change: "up", Upstream: "chat_servers"}})
			b.fleet.mu.Unlock()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	b.until(`document.querySelectorAll("#event-rows li").length >= 3`)
	b.waitForCall("/status", count(b.asked(), "/status")+3)
}

// asksWhatTheBenchmarkAsks holds cmd/idlebench to the page: both ask what is in a file.
func asksWhatTheBenchmarkAsks(t *testing.T, browser context.Context) {
	routes := []fleetRoute{{"bench", "backend", "length_field", "devices", "long", "idle_timeout", 90 * time.Second, 220, []string{"127.0.0.1:9000"}}}
	b := openTabOf(t, browser, fleetOf(routes), "/?open=bench")
	b.seeConnections()
	b.waitForCall("/silence?route=bench max-age=1", 1)
	b.waitForCall("/connections?sort=due&offset=0&limit=50 max-age=1", 1)
	asked := slices.DeleteFunc(b.asked(), func(call string) bool {
		return strings.Contains(call, "minutes=") || strings.HasPrefix(call, "/ended") && strings.Contains(call, " ") // after 10 s, or where the stream is late
	})
	slices.Sort(asked)
	text, err := os.ReadFile("testdata/page_asks.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(text)), "\n"), slices.Compact(asked)); diff != "" {
		t.Errorf("-page_asks.txt +page:\n%s", diff)
	}
}
