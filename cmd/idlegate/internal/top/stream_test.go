package top

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/gateway/admin/api"
)

// A stream that is lost is opened again, and it is said meanwhile.
func TestAStreamThatIsLostIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tries := 0
		listen := func(ctx context.Context, q client.EventsQuery, to client.Listener) error {
			if tries++; tries == 2 {
				return errors.New("connection refused")
			}
			if q.Last == 0 || len(q.Kinds) > 0 {
				t.Errorf("it listens to %+v", q)
			}
			if err := errors.Join(to.Heard(api.Event{Kind: api.EventDeed}), to.Ready(), to.Heard(api.Event{Kind: api.EventReload})); err != nil {
				return err
			}
			if tries == 1 {
				return errors.New("it stops")
			}
			<-ctx.Done()
			return ctx.Err()
		}
		heard := make(chan news)
		go Listen(listen).follow(ctx, heard)
		start := time.Now()
		round := []string{"past deed", "live", "live reload"}
		for _, want := range slices.Concat(round, []string{"lost: it stops", "lost: connection refused"}, round) {
			if got := describe(<-heard); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if took := time.Since(start); took != 2*relisten {
			t.Errorf("it took %v", took)
		}
	})
}

// Where more end than can be read, ends are left alone for a while, and everything else is heard.
func TestInAStormEndsAreNotListenedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tries, start := 0, time.Now()
		listen := func(ctx context.Context, q client.EventsQuery, to client.Listener) error {
			tries++
			if hasEnds := len(q.Kinds) == 0; hasEnds != (tries != 2) {
				t.Errorf("attempt %d listens to %v", tries, q.Kinds)
			}
			if err := to.Ready(); err != nil {
				return err
			}
			if tries == 1 {
				return &client.DroppedError{}
			}
			<-ctx.Done()
			return ctx.Err()
		}
		heard := make(chan news)
		go Listen(listen).follow(ctx, heard)
		for _, want := range []string{"live", "live, lost: " + storm, "live"} {
			if got := describe(<-heard); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if took := time.Since(start); took != calm {
			t.Errorf("it took %v", took)
		}
	})
}

func describe(n news) string {
	switch {
	case n.event != nil && n.live:
		return "live " + string(n.event.Kind)
	case n.event != nil:
		return "past " + string(n.event.Kind)
	case n.live && n.lost != "":
		return "live, lost: " + n.lost
	case n.live:
		return "live"
	}
	return "lost: " + n.lost
}

// What an event changes is seen before the gateway is asked again.
func TestEventsActAtOnce(t *testing.T) {
	l := newLive("here", "")
	before, now := busy()
	l.take(result{answers: before})
	l.take(result{answers: now})
	hear := func(e api.Event) { l.hear(news{event: &e, live: true}) }
	ended := api.Event{Kind: api.EventEnded, At: noon(), Ended: &api.Ended{ID: 17, Route: "devices", Reason: "idle_timeout"}}
	full := &api.Alarm{Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: "devices", Since: noon(), Text: "route devices is full"}
	hear(ended)
	if left := l.model.Sample.Connections; len(left) != 1 || left[0].ID == 17 || len(l.model.Ended) != 1 || l.stale {
		t.Errorf("connections are %+v, ended %+v, stale %t", left, l.model.Ended, l.stale)
	}
	hear(api.Event{Kind: api.EventAlarm, At: noon(), Alarm: full})
	hear(api.Event{Kind: api.EventAlarm, At: noon(), Alarm: full})
	if on := l.model.Sample.Status.Alarms; len(on) != 1 || on[0].Text != full.Text || !l.stale {
		t.Errorf("alarms are %+v, stale %t", on, l.stale)
	}
	hear(api.Event{Kind: api.EventAlarmOver, At: noon().Add(time.Second), Alarm: full})
	if on := l.model.Sample.Status.Alarms; len(on) != 0 {
		t.Errorf("alarms are %+v", on)
	}
	hear(api.Event{Kind: api.EventReload, At: noon().Add(2 * time.Second), Reload: &api.Reload{OK: true, Generation: 9}})
	if n := l.model.Sample.Status.Config.Generation; n != 9 {
		t.Errorf("generation %d", n)
	}
	var kinds []api.EventKind
	for _, e := range l.model.Happened {
		kinds = append(kinds, e.Kind)
	}
	if want := []api.EventKind{api.EventReload, api.EventAlarmOver, api.EventAlarm}; !slices.Equal(kinds, want) {
		t.Errorf("happened are %v, want %v", kinds, want)
	}
}

// Events of the past are listed, once, and change nothing: the figures are newer.
func TestEventsOfThePastChangeNothing(t *testing.T) {
	l := newLive("here", "")
	_, now := busy()
	l.take(result{answers: now})
	alarm := api.Event{Kind: api.EventAlarm, At: noon(), Alarm: &api.Alarm{Kind: api.AlarmRouteFull}}
	deed := api.Event{Kind: api.EventDeed, At: noon().Add(-time.Second), Deed: &api.Deed{From: "unix"}}
	for range 2 { // streams
		for _, e := range []api.Event{deed, alarm} {
			l.hear(news{event: &e})
		}
		l.hear(news{live: true})
	}
	if len(l.model.Sample.Status.Alarms) != 0 || len(l.model.Happened) != 2 || l.model.Happened[0].Kind != api.EventAlarm || !l.stale {
		t.Errorf("alarms %+v, happened %+v, stale %t", l.model.Sample.Status.Alarms, l.model.Happened, l.stale)
	}
	l.hear(news{lost: "it stops"})
	if l.model.Unheard != "it stops" {
		t.Errorf("unheard: %q", l.model.Unheard)
	}
}
