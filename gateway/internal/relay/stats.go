package relay

import (
	"net/netip"
	"sync/atomic"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/ledger"
)

// RouteStats is what is kept of a route over all edits of the policy file: its name, what was counted, and
// whether it drains.
type RouteStats struct {
	Name        string
	loops       []*ledger.LoopStats // by loop, which alone writes its own
	checks      bool                // it counts health checks, which show nowhere
	open        atomic.Int64
	stopped     atomic.Bool     // no client is taken
	removed     atomic.Bool     // it is no longer in the policy file
	sources     arrival.Sources // of those that are open, where a limit for each is, or was when they came
	accepted    arrival.Bucket  // owned by the loop that accepts
	drain.State                 // by an operator, or since it was removed
}

// NewRouteStats returns the stats of a route of which nothing was counted yet, for a number of loops.
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

// SetStopped says whether new clients are refused.
func (s *RouteStats) SetStopped(stopped bool) { s.stopped.Store(stopped) }

// SetRemoved says whether the route is no longer in the policy file; then connections that drain with it end as RouteRemoved.
func (s *RouteStats) SetRemoved(removed bool) { s.removed.Store(removed) }

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
