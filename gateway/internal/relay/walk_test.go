package relay

import (
	"context"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
)

// crowd returns a loop that nobody runs, with n connections.
func crowd(t *testing.T, n int) *Loop {
	t.Helper()
	l, _ := lone(t)
	for i := range n {
		c := relayed(l, protocol.NewRaw(), session.Rules{})
		c.id = uint64(i + 1)
	}
	return l
}

func TestAWalkLetsTheLoopDoItsWorkInBetween(t *testing.T) {
	const n = 5*walkStep + 1
	l := crowd(t, n)
	l.slab.at(7).phase = closing
	seen, done := map[uint64]int{}, false
	l.Each(t.Context(), func(v *View) {
		seen[v.ID]++
		for began := l.cfg.Clock.Now(); l.cfg.Clock.Now()-began < int64(walkTurn); { // each takes as long as a turn may
		}
	}, func() { done = true })
	turns := 1
	for ; !done; turns++ {
		if len(seen) > turns*walkStep {
			t.Fatalf("%d are seen in %d turns", len(seen), turns)
		}
		l.readMail()
	}
	if turns != 6 || len(seen) != n-1 || seen[8] != 0 {
		t.Errorf("%d of %d are seen in %d turns", len(seen), n-1, turns)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%d is seen %d times", id, times)
		}
	}
}

func TestAWalkOfNobodyIsOver(t *testing.T) {
	l := crowd(t, 0)
	done := false
	l.Each(t.Context(), func(*View) { t.Error("somebody is there") }, func() { done = true })
	if !done {
		t.Error("it goes on")
	}
}

func TestAWalkStopsWhenNobodyListens(t *testing.T) {
	l := crowd(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.Each(ctx, func(*View) { t.Error("it goes on") }, func() { t.Error("it says that it has seen all") })
}

func TestAWalkOnALoopThatEndsIsOver(t *testing.T) {
	l := crowd(t, 1)
	done := false
	l.mailbox.close()
	l.walk(t.Context(), 0, func(*conn) {
		for began := l.cfg.Clock.Now(); l.cfg.Clock.Now()-began < int64(walkTurn); {
		}
	}, func() { done = true })
	if !done {
		t.Error("nobody is told")
	}
}

// What is kept of a connection with details, as those have whose protocol pairs replies, is as it was.
func TestWhatIsKeptOfAViewSharesNothing(t *testing.T) {
	l := crowd(t, 1)
	c := l.slab.at(0)
	c.session.Events.Detail = &deadline.Detail{Owed: 1}
	var kept View
	l.Each(t.Context(), func(v *View) { kept = v.Clone() }, func() {})
	c.session.Events.Detail.Owed = 2
	if kept.Session.Events.Detail.Owed != 1 {
		t.Error("it changes with the connection")
	}
}

func TestSilencesAreObservedByRoute(t *testing.T) {
	l := crowd(t, 3)
	mine := l.slab.at(0).route.RouteStats
	for slot := range int32(3) {
		l.slab.at(slot).session.LastMessage -= deadline.Instant(time.Minute)
	}
	of, done := map[*RouteStats]*metrics.Histogram{mine: new(metrics.Histogram)}, false
	l.ObserveSilences(t.Context(), of, func() { done = true })
	if h := of[mine]; !done || h.Quantile(1) < 50*time.Second {
		t.Errorf("the longest silence is %v", h.Quantile(1))
	}
}
