package relay

import (
	"net/netip"
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
)

// Observed describes a timer that would have ended a connection, had it not been a dry run.
type Observed struct {
	ID     uint64
	Route  *Route
	Client netip.AddrPort
	Timer  deadline.Timer
	At     deadline.Instant
	Age    time.Duration
}

// Resumed describes a client that spoke after a silence for which a dry run had counted it as ended.
type Resumed struct {
	ID      uint64
	Route   *Route
	Client  netip.AddrPort
	At      deadline.Instant
	Silence time.Duration
}

// observe counts the timers of a dry run.
func (ts *timers) observe(c *conn) {
	seen := c.session.Observe(c.rules(), ts.loop.now)
	if seen == 0 {
		return
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if !seen.Has(t) || t == deadline.ReadDeadline && ts.mayBeAnswered(c) {
			continue
		}
		ts.loop.count(c).Timeouts[t][ledger.Observed]++
		if t == deadline.IdleTimeout {
			ts.loop.count(c).DryRunIdle++
		}
		ts.loop.cfg.Reporter.Observed(Observed{ID: c.id, Route: c.route, Client: c.clientAddr.address(), Timer: t, At: ts.loop.now, Age: c.session.Age(ts.loop.now)})
	}
}

// falseCut notes that a client spoke after a silence for which a dry run had counted it as ended.
func (ts *timers) falseCut(c *conn, silence time.Duration) {
	count := ts.loop.count(c)
	count.FalseCuts++
	count.Advice[advice.IdleTimeout].Spoke(silence)
	ts.loop.cfg.Reporter.Resumed(Resumed{ID: c.id, Route: c.route, Client: c.clientAddr.address(), At: ts.loop.now, Silence: silence})
}
