package relay

import (
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/metrics"
)

// tally is what a loop has counted and remembers, and what others ask it about: its exported methods are called through Post, and copy.
type tally struct {
	index    int // of the loop
	recent   ledger.Recent
	breaches *ledger.Recent // those whose protocol was broken; nil: none yet
}

// of returns what the loop itself has counted of a route.
func (t *tally) of(s *RouteStats) *ledger.LoopStats { return s.loops[t.index] }

// count returns what it has counted of a connection's route.
func (t *tally) count(c *conn) *ledger.Counters { return &t.of(c.route.RouteStats).Counters }

// countConnect counts how long connecting took.
func (t *tally) countConnect(u *Upstream, c *conn, now deadline.Instant) {
	u.connects[t.index].Observe(now.Since(c.session.Events.ConnectBegan))
}

// remember keeps the report of an end.
func (t *tally) remember(ended ledger.Ended) {
	t.recent.Add(ended)
	if ended.Breach == nil {
		return
	}
	if t.breaches == nil {
		t.breaches = new(ledger.Recent)
	}
	t.breaches.Add(ended) // else they would soon be forgotten among ends that are as they should be
}

// Counters copies what the loop has counted of a route.
func (t *tally) Counters(s *RouteStats) ledger.Counters { return t.of(s).Counters }

// Counts copies the same without its distributions.
func (t *tally) Counts(s *RouteStats) ledger.Counts { return t.of(s).Counts }

// Totals copies what is looked at every second.
func (t *tally) Totals(s *RouteStats) ledger.Totals { return t.of(s).Totals() }

// History copies what the loop knows of a route's last hour, of the minutes after one.
func (t *tally) History(s *RouteStats, after int64) []ledger.Minute {
	return t.of(s).History.After(after)
}

// ConnectTimes copies how long connecting took.
func (t *tally) ConnectTimes(u *Upstream) metrics.Histogram { return *u.connects[t.index] }

// Recent copies what the loop remembers of the connections that ended last, the latest first, then of those that broke their protocol,
// which may be among them.
func (t *tally) Recent() []ledger.Ended {
	all := t.recent.List()
	if t.breaches != nil {
		all = append(all, t.breaches.List()...)
	}
	return all
}
