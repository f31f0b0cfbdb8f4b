package relay

import (
	"net/netip"
	"sync/atomic"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/ledger"
	"idlegate/metrics"
)

// RouteStats is what is kept of a route over all edits of the policy file: its name, what was counted, and
// whether it drains.
type RouteStats struct {
	Name        string
	loops       []*ledger.LoopStats // by loop, which alone writes its own
	checks      bool                // it counts health checks, which show nowhere
	open        atomic.Int64
	stopped     atomic.Bool     // no client is taken
	sources     arrival.Sources // of those that are open, where a limit for each is, or was when they came
	accepted    arrival.Bucket  // owned by the loop that accepts
	drain.State                 // while the route is no longer in the policy file
}

// NewRouteStats returns the stats of a route of which nothing was counted yet, for so many loops.
func NewRouteStats(name string, loops int) *RouteStats {
	s := &RouteStats{Name: name, loops: make([]*ledger.LoopStats, loops)}
	for i := range s.loops {
		s.loops[i] = new(ledger.LoopStats)
	}
	return s
}

// NewCheckStats is NewRouteStats for the Check of a route.
func NewCheckStats(name string, loops int) *RouteStats {
	s := NewRouteStats(name, loops)
	s.checks = true
	return s
}

// SetStopped has no client taken any more, or has them taken again.
func (s *RouteStats) SetStopped(stopped bool) { s.stopped.Store(stopped) }

// Open returns how many connections there are on all loops.
func (s *RouteStats) Open() int64 { return s.open.Load() }

// left notes that a connection is there no more, which came from addr. counted says that sources has it.
func (s *RouteStats) left(addr netip.Addr, counted bool) {
	s.open.Add(-1)
	s.uncount(addr, counted)
}

func (s *RouteStats) uncount(addr netip.Addr, counted bool) {
	if counted {
		s.sources.Leave(addr)
	}
}

// Fullest returns the source with the most of the connections that a limit for each source counts, and how many that are.
func (s *RouteStats) Fullest() (source netip.Addr, open int) { return s.sources.Fullest() }

// of returns what the loop itself has counted of a route.
func (l *Loop) of(s *RouteStats) *ledger.LoopStats { return s.loops[l.cfg.Index] }

func (l *Loop) count(c *conn) *ledger.Counters { return &l.of(c.route.RouteStats).Counters }

// Counters copies what the loop has counted of a route. It is called through Post, as are the following.
func (l *Loop) Counters(s *RouteStats) ledger.Counters { return l.of(s).Counters }

// Totals copies what is looked at every second.
func (l *Loop) Totals(s *RouteStats) ledger.Totals { return l.of(s).Totals() }

// History copies what the loop knows of a route's last hour.
func (l *Loop) History(s *RouteStats) ledger.History { return l.of(s).History }

// ConnectTimes copies how long connecting took.
func (l *Loop) ConnectTimes(u *Upstream) metrics.Histogram { return *u.connects[l.cfg.Index] }

// Recent copies what the loop remembers of the connections that ended last, the latest first, then of those that broke their protocol,
// which may be among them.
func (l *Loop) Recent() []ledger.Ended {
	all := l.recent.List()
	if l.breaches != nil {
		all = append(all, l.breaches.List()...)
	}
	return all
}
