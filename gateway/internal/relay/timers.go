package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// dueAt returns when c must be looked at next.
func (l *Loop) dueAt(c *conn) deadline.Instant {
	if c.phase == closing {
		return c.closeBy
	}
	at := c.session.Next(c.rules())
	if l.drain.on {
		at = min(at, l.drainAt(c))
	}
	if c.offerAt != 0 {
		at = min(at, c.offerAt)
	}
	if c.young {
		at = min(at, c.session.Events.Accepted.After(youth))
	}
	return at
}

// onDue looks at a connection whose slot of the wheel has come up. Mostly something has happened since it was put there,
// and it is only put where it now belongs.
func (l *Loop) onDue(c *conn) {
	if c.postponed {
		l.resume(c)
	}
	if c.phase == vacant {
		return
	}
	if c.young && c.session.Events.Accepted.After(youth) <= l.now {
		l.comeOfAge(c)
	}
	if c.offerAt != 0 && c.offerAt <= l.now && c.phase == relaying {
		l.offerAgain(c)
		if c.phase != relaying {
			return
		}
	}
	if l.dueAt(c) > l.now {
		l.rearm(c)
		return
	}
	if c.phase == closing {
		l.closeOn(c)
		return
	}
	l.lookOnce(c)
	if c.phase == closing || c.phase == vacant {
		return
	}
	l.observe(c)
	if t, at := c.session.Due(c.rules(), l.now); t != deadline.None {
		l.fire(c, t, at)
		return
	}
	if l.drain.on && l.drainAt(c) <= l.now {
		l.drainDue(c)
		return
	}
	l.rearm(c)
}

// lookOnce looks at what the kernel knows and we do not, before a timer may fire: bytes that the client has sent came in
// time, and bytes that a peer has acknowledged have moved.
func (l *Loop) lookOnce(c *conn) {
	l.readUp(c)
	for side := session.Client; side <= session.Upstream; side++ {
		if c.phase == relaying {
			l.lookAtWrites(c, side)
		}
	}
}

// readUpTurns bounds readUp to 8 MiB, more than the kernel lets a receive buffer grow to.
const readUpTurns = 8 << 20 / (turnReads * readSize)

// readUp reads all that the client had sent when it is called, but not for ever where it goes on sending.
func (l *Loop) readUp(c *conn) {
	if c.legs[session.Client].fd < 0 || c.session.Events.Paused() {
		return
	}
	c.legs[session.Client].readable = true
	for range readUpTurns {
		if !c.mayRead(session.Client) {
			return
		}
		l.pump(c, session.Client)
	}
}

// lookAtWrites finds out whether side has acknowledged something since the last look.
func (l *Loop) lookAtWrites(c *conn, side session.Side) {
	leg := &c.legs[side]
	waits := leg.waited()
	if !waits && (side == session.Upstream || !c.session.IdleWaits(c.rules(), l.now)) {
		return
	}
	unsent := uint32(reactor.Unsent(int(leg.fd)))
	moved := unsent < leg.unsent
	if !waits && leg.unsent == 0 {
		moved = unsent > 0 && reactor.Acknowledged(int(leg.fd)) < deadline.Stall(&c.rules().Enforced)
	}
	leg.unsent = unsent
	switch {
	case waits && moved:
		c.session.Moved(side, l.now)
	case waits:
		c.session.Looked(side, l.now)
	case unsent == 0:
		c.session.Drained(c.rules(), l.now)
	case moved:
		c.session.Draining(l.now)
	}
}

// observe counts the timers of a dry run.
func (l *Loop) observe(c *conn) {
	seen := c.session.Observe(c.rules(), l.now)
	if seen == 0 {
		return
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if !seen.Has(t) {
			continue
		}
		l.count(c).Timeouts[t][Watched]++
		l.cfg.Reporter.Observed(Observed{ID: c.id, Route: c.route, Client: c.client, Timer: t, At: l.now, Age: c.session.Age(l.now)})
	}
}

// fire does what the timer t, due since at, is there for.
func (l *Loop) fire(c *conn, t deadline.Timer, at deadline.Instant) {
	count := l.count(c)
	switch {
	case t == deadline.Connect:
		if l.retry(c, reactor.TimedOut) != session.ConnectTimeout {
			return // another endpoint is tried, or failed otherwise
		}
	case t == deadline.ReadDeadline && c.session.MayBeAnswered(c.rules()):
		c.session.CloseRead(l.now)
		l.rearm(c)
		return
	default:
		l.end(c, session.Ends(t))
	}
	count.Timeouts[t][Closed]++
	count.Lateness.Observe(l.now.Since(at))
}

// drain is what a loop knows of the gateway's drain.
type drain struct {
	on    bool
	since deadline.Instant
	over  time.Duration
}

// Drain closes the listeners and ends the sessions within timeout; 0 lets them end by themselves. Run returns when none is
// left. It is called by way of Post.
func (l *Loop) Drain(timeout time.Duration) {
	if l.drain.on {
		return
	}
	l.closeListeners()
	l.drain = drain{on: true, since: l.now, over: timeout}
	l.slab.each(func(c *conn) { l.rearm(c) })
	l.finishDrain()
}

// drainAt returns when the drain ends c: at drain_timeout, less the share that jitter takes off. Without a drain_timeout
// that is never.
func (l *Loop) drainAt(c *conn) deadline.Instant {
	if l.drain.over == 0 {
		return deadline.Never
	}
	early := time.Duration(float64(l.drain.over) * float64(c.session.Events.Lifetime) / 65536)
	return l.drain.since.After(l.drain.over - early)
}

const drainLook = 50 * time.Millisecond // between looks for a message boundary

// drainDue ends a session that has not ended by itself. One whose turn came early may finish the messages under way.
func (l *Loop) drainDue(c *conn) {
	last := l.drain.since.After(l.drain.over)
	if l.now >= last {
		l.end(c, session.Shutdown)
		return
	}
	if c.session.Flows[session.Client].Parse.AtBoundary() && c.session.Flows[session.Upstream].Parse.AtBoundary() {
		l.end(c, session.Drained)
		return
	}
	l.wheel.Set(c.slot, int64(min(last, l.now.After(drainLook), c.session.Next(c.rules()))))
}

func (l *Loop) finishDrain() {
	if l.drain.on && l.slab.used == 0 {
		l.stopped = true
	}
}
