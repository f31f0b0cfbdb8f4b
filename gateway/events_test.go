package gateway_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// heard gathers events.
type heard struct {
	mu  sync.Mutex
	all []api.Event
}

func (h *heard) of(kind api.EventKind) (all []api.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.all {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// listen gathers what happens until the test ends.
func (r *running) listen() *heard {
	r.t.Helper()
	h, ready, ended := &heard{}, make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- r.g.Listen(ctx, func([]api.Event) error { close(ready); return nil }, func(e api.Event) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.all = append(h.all, e)
			return nil
		})
	}()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			r.t.Errorf("listening ended with %v", err)
		}
	})
	<-ready
	return h
}

func TestEventsTellWhatHappens(t *testing.T) {
	r := start(t, alarming, 2, backend(t, echoes), ", limits: {connections: 1}")
	h := r.listen()
	c := r.dial("r")
	c.echo("x")
	r.refused("r")
	c.finish()
	line := r.endOf(c)
	eventually(t, "the end is heard", func() bool { return len(h.of(api.EventEnded)) == 1 })
	if e := h.of(api.EventEnded)[0].Ended; e.ID != line.ID || e.Reason != "client_fin" || e.Client != line.Client {
		t.Errorf("heard %+v, logged %+v", e, line)
	}
	eventually(t, "an alarm is heard, and that another is over", func() bool {
		var on, over bool
		for _, e := range h.of(api.EventAlarm) {
			on = on || e.Alarm.Kind == api.AlarmRefusals
		}
		r.alarms()
		for _, e := range h.of(api.EventAlarmOver) {
			over = over || e.Alarm.Kind == api.AlarmRouteFull
		}
		return on && (over || len(h.of(api.EventAlarm)) == 1)
	})
	if err := r.g.DrainEndpoint("u", "nowhere"); err == nil {
		t.Error("an endpoint is drained that there is not")
	}
	r.g.Note(api.Deed{From: "somebody", Call: "POST /x", Result: "done"})
	eventually(t, "the deed is heard", func() bool { d := h.of(api.EventDeed); return len(d) == 1 && d[0].Deed.From == "somebody" })
}

func TestEventsTellOfReloadsAndHealth(t *testing.T) {
	r, write := startFile(t, `
upstreams: {u: {endpoints: ["127.0.0.1:1"], retries: 0, eject: {failures: 1, for: 1h}}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
`)
	h := r.listen()
	write("routes: 7")
	if done, err := r.g.Reload(t.Context()); err != nil || done.OK {
		t.Fatalf("%+v, %v", done, err)
	}
	eventually(t, "the refused file is heard of", func() bool { e := h.of(api.EventReload); return len(e) == 1 && !e[0].Reload.OK })
	c := r.dial("r")
	_, _ = c.Read(make([]byte, 1))
	eventually(t, "the ejection is heard of, and that no endpoint is left", func() bool {
		var ejected, out bool
		for _, e := range h.of(api.EventHealth) {
			ejected = ejected || e.Health.Change == "ejected" && e.Health.Endpoint == "127.0.0.1:1" && e.Health.Error != ""
			out = out || e.Health.Change == "out" && e.Health.Upstream == "u"
		}
		return ejected && out
	})
}

// A listener that does not read is dropped, and neither ends nor clients wait for it.
func TestAListenerThatDoesNotReadIsDropped(t *testing.T) {
	r := start(t, alarming, 1000, backend(t, echoes), "")
	stuck, ended := make(chan struct{}), make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		ended <- r.g.Listen(t.Context(), func([]api.Event) error { close(ready); return nil }, func(api.Event) error { <-stuck; return nil })
	}()
	<-ready
	for range 1200 { // more than wait for a listener
		c := r.dial("r")
		c.echo("x")
		c.Close()
	}
	eventually(t, "all have ended", func() bool { return r.route("r").Connections == 0 })
	close(stuck)
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "events were lost") {
			t.Errorf("it was dropped with %v", err)
		}
	case <-time.After(patience):
		t.Error("it was not dropped")
	}
}

func TestSoManyMayListenAndNoMore(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), "")
	for range 16 {
		r.listen()
	}
	if err := r.g.Listen(t.Context(), func([]api.Event) error { return nil }, func(api.Event) error { return nil }); err == nil || !strings.Contains(err.Error(), "16 callers") {
		t.Errorf("one more: %v", err)
	}
}

// TestTheLastEventsAreRememberedAndNoneIsMissed listens again and again while events are told.
func TestTheLastEventsAreRememberedAndNoneIsMissed(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), "")
	note := func(n int) { r.g.Note(api.Deed{From: strconv.Itoa(n), Call: "POST /x", Result: "done"}) }
	for n := range api.MaxLast {
		note(n)
	}
	const more = 200
	go func() {
		for n := range more {
			note(api.MaxLast + n)
		}
	}()
	for first := -1; first < more; {
		next := -1
		ctx, cancel := context.WithCancel(t.Context())
		seen := func(e api.Event) error {
			n, err := strconv.Atoi(e.Deed.From)
			if err != nil || next >= 0 && n != next {
				t.Errorf("event %s, want %d", e.Deed.From, next)
			}
			if next = n + 1; next == api.MaxLast+more {
				cancel()
			}
			return nil
		}
		err := r.g.Listen(ctx, func(past []api.Event) error {
			if len(past) != api.MaxLast {
				t.Errorf("%d are remembered", len(past))
			}
			first, _ = strconv.Atoi(past[0].Deed.From)
			for _, e := range past {
				_ = seen(e)
			}
			return nil
		}, seen)
		if cancel(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
