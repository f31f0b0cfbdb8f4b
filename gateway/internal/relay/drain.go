package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// A connection drains for one of three reasons: the gateway drains, or its route or its endpoint is drained or no longer in the policy
// file. It ends by itself, or at the end of the time that it was given; jitter takes its share off that,
// and one whose turn came early ends at its next message boundary.

// Drain closes the listeners and ends the sessions within timeout; 0 lets them end by themselves. Run returns when none is
// left. It is called through Post.
func (l *Loop) Drain(timeout time.Duration) {
	if l.drain.Draining() {
		return
	}
	l.acceptor.close()
	l.drain.SetDraining(drain.Order{Since: l.now, Within: timeout})
	l.slab.each(func(c *conn) { l.timers.rearm(c) })
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
			c.review()
			l.timers.rearm(c)
		}
	})
}

// review finds out whether c drains for its route's or its endpoint's sake.
func (c *conn) review() {
	switch {
	case c.route.Draining() && c.route.removed.Load():
		c.draining = session.RouteRemoved
	case c.route.Draining():
		c.draining = session.Drained
	case c.use.Reserved() && c.use.Draining():
		c.draining = session.Drained
	default:
		c.draining = session.Open
	}
}

// drains is whether the gateway drains, as a loop knows it.
type drains struct{ drain.State }

// reason returns the reason for which c ends if it ends for cause: that for which it drains, if it does.
func (d *drains) reason(c *conn, cause session.Reason) session.Reason {
	switch {
	case c.draining != session.Open:
		return c.draining
	case d.Draining():
		return session.Drained
	}
	return cause
}

// order returns by which order c drains: of several the one that ends it first.
func (d *drains) order(c *conn) drain.Order {
	first := d.DrainOrder()
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

// at returns when c has to end because it drains.
func (d *drains) at(c *conn) deadline.Instant { return d.order(c).At(c.session.Events.Lifetime) }

const drainLook = 50 * time.Millisecond // between looks for a message boundary

// drainDue ends a session that has not ended by itself. One whose turn came early may finish the messages under way,
// and have the reply that it is owed.
func (ts *timers) drainDue(c *conn) {
	last := ts.loop.drain.order(c).Last()
	if ts.loop.now >= last {
		ts.loop.end(c, session.Shutdown)
		return
	}
	atBoundary := c.session.Talk.AtBoundary(protocol.FromClient) && c.session.Talk.AtBoundary(protocol.FromUpstream)
	if atBoundary && !c.session.Events.Owing() {
		ts.loop.end(c, session.Drained)
		return
	}
	ts.wheel.Set(c.slot, int64(min(last, ts.loop.now.After(drainLook), c.session.Next(c.rules()))))
}
