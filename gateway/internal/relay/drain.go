package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// A connection drains for one of three reasons: the gateway drains, its route is no longer in the policy file, or its endpoint
// is drained or no longer there. It ends by itself, or at the end of the time that it was given; jitter takes its share off that,
// and one whose turn came early ends at its next message boundary.

// Drain closes the listeners and ends the sessions within timeout; 0 lets them end by themselves. Run returns when none is
// left. It is called through Post.
func (l *Loop) Drain(timeout time.Duration) {
	if l.drain.Draining() {
		return
	}
	l.acceptor.close()
	l.drain.SetDraining(drain.Order{Since: l.now, Within: timeout})
	l.slab.each(func(c *conn) { l.rearm(c) })
	l.finishDrain()
}

func (l *Loop) finishDrain() {
	if l.drain.Draining() && l.slab.used == 0 {
		l.stopped = true
	}
}

// Review finds out which connections drain, after an endpoint or a route was drained or undrained. It is called through Post.
func (l *Loop) Review() {
	l.tick()
	l.slab.each(func(c *conn) {
		if c.phase != closing {
			l.review(c)
			l.rearm(c)
		}
	})
}

func (l *Loop) review(c *conn) {
	switch {
	case c.route.Draining():
		c.draining = session.RouteRemoved
	case c.use.Reserved() && c.use.Draining():
		c.draining = session.Drained
	default:
		c.draining = session.Open
	}
}

// drainReason returns the reason for which c ends if it ends for cause: that for which it drains, if it does.
func (l *Loop) drainReason(c *conn, cause session.Reason) session.Reason {
	switch {
	case c.draining != session.Open:
		return c.draining
	case l.drain.Draining():
		return session.Drained
	}
	return cause
}

// drainOrder returns by which order c drains: of several the one that ends it first.
func (l *Loop) drainOrder(c *conn) drain.Order {
	first := l.drain.DrainOrder()
	if c.draining == session.Open {
		return first
	}
	if order := c.route.DrainOrder(); order.Last() < first.Last() {
		first = order
	}
	if c.use.Reserved() {
		if order := c.use.DrainOrder(); order.Last() < first.Last() {
			first = order
		}
	}
	return first
}

// drainAt returns when c has to end because it drains.
func (l *Loop) drainAt(c *conn) deadline.Instant {
	return l.drainOrder(c).At(c.session.Events.Lifetime)
}

const drainLook = 50 * time.Millisecond // between looks for a message boundary

// drainDue ends a session that has not ended by itself. One whose turn came early may finish the messages under way,
// and have the reply that it is owed.
func (l *Loop) drainDue(c *conn) {
	last := l.drainOrder(c).Last()
	if l.now >= last {
		l.end(c, session.Shutdown)
		return
	}
	atBoundary := c.session.Talk.AtBoundary(protocol.FromClient) && c.session.Talk.AtBoundary(protocol.FromUpstream)
	if atBoundary && !c.session.Events.Owing() {
		l.end(c, session.Drained)
		return
	}
	l.wheel.Set(c.slot, int64(min(last, l.now.After(drainLook), c.session.Next(c.rules()))))
}
