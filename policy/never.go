package policy

import (
	"fmt"
	"time"

	"idlegate/policy/units"
)

// warnNever warns of timers that are written and cannot fire, since another one always ends the connection before.
func (c cursor) warnNever(p *Policy) {
	if p.DryRun.All {
		return // nothing is enforced that would be the first
	}
	for _, t := range p.timers() {
		if at := c.child(t.name); at.written() && *t.value > 0 {
			if first := p.firstEnd(t.id(), *t.value); first != "" {
				at.warn("can never fire: %s ends the connection first", c.withValue(p, first))
			}
		}
		c.warnNeverCounts(p, t)
	}
}

// warnNeverCounts warns of a timer of a dry run that a timer in force forestalls.
func (c cursor) warnNeverCounts(p *Policy, t timer) {
	watched := p.DryRun.Timers[t.id()]
	if watched == 0 {
		return
	}
	first := p.firstEnd(t.id(), watched)
	if *t.value > 0 && watched > *t.value {
		first = t.id()
	}
	if first != "" {
		c.child("dry_run").child(t.name).warn("can never count: %s ends the connection first", c.withValue(p, first))
	}
}

// firstEnd is the timer in force that always ends a connection before t would with d, "" where there is none.
func (p *Policy) firstEnd(t Timer, d time.Duration) Timer {
	for _, end := range p.ends(t) {
		limit := p.duration(end)
		if limit > 0 && (d > limit || d == limit && precedes(end, t)) {
			return end
		}
	}
	return ""
}

// ends are the timers that run from accept, whatever the connection does, and so bound t.
func (p *Policy) ends(t Timer) []Timer {
	switch {
	case p.Kind == Long && t != TimerMaxLifetime:
		return []Timer{TimerMaxLifetime}
	case p.Kind == Long || t == TimerWriteDeadline:
		return nil // later than deadline is an error
	case t == TimerDeadline || t == TimerReadDeadline:
		return []Timer{TimerWriteDeadline}
	case t == TimerFirstMessageTimeout || t == TimerMessageTimeout: // a client inside a message is closed at read_deadline
		return []Timer{TimerReadDeadline, TimerDeadline, TimerWriteDeadline}
	}
	return []Timer{TimerDeadline, TimerWriteDeadline}
}

// precedes says that end names the connection where t is due at the same instant.
func precedes(end, t Timer) bool {
	switch t {
	case TimerIdleTimeout, TimerDeadline, TimerReadDeadline:
		return false
	case TimerFirstMessageTimeout, TimerMessageTimeout, TimerHeartbeatOnlyTimeout, TimerProbe, TimerReplyTimeout, TimerIdleInTransactionTimeout:
		return end != TimerMaxLifetime
	}
	return true
}

func (p *Policy) duration(key Timer) time.Duration {
	for _, t := range p.timers() {
		if t.id() == key {
			return *t.value
		}
	}
	return 0
}

// withValue is a timer with its value, as in deadline (10s by default).
func (c cursor) withValue(p *Policy, key Timer) string {
	standard := ""
	if !c.child(string(key)).written() {
		standard = " by default"
	}
	return fmt.Sprintf("%s (%s%s)", key, units.FormatDuration(p.duration(key)), standard)
}

// warnConnectTimeout warns of a connect_timeout that a route's policy forestalls.
func (r *Route) warnConnectTimeout(c cursor) {
	if r.Upstream == nil || r.Policy == nil || r.Policy.DryRun.All || r.Upstream.ConnectTimeoutOrigin().Default {
		return
	}
	for _, end := range []Timer{TimerDeadline, TimerWriteDeadline, TimerMaxLifetime} {
		if limit := r.Policy.duration(end); limit > 0 && r.Upstream.ConnectTimeout >= limit {
			c.child("upstream").warn("its connect_timeout (%s) can never fire: %s (%s) of the route's policy ends the connection first",
				units.FormatDuration(r.Upstream.ConnectTimeout), end, units.FormatDuration(limit))
			return
		}
	}
}
