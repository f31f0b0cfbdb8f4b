package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// Connections leave for one of three reasons: the gateway drains, their route is no longer in the policy file, or their
// endpoint is drained or no longer there. They end by themselves, or at the end of the time that they were given; jitter
// takes its share off that, and one whose turn came early ends at its next message boundary.

// Drain closes the listeners and ends the sessions within timeout; 0 lets them end by themselves. Run returns when none is
// left. It is called by way of Post.
func (l *Loop) Drain(timeout time.Duration) {
	if l.drain.on {
		return
	}
	l.closeListeners()
	l.drain = drain{on: true, Leave: Leave{Since: l.now, Within: timeout}}
	l.slab.each(func(c *conn) { l.rearm(c) })
	l.finishDrain()
}

// drain is what a loop knows of the gateway's drain.
type drain struct {
	on bool
	Leave
}

func (l *Loop) finishDrain() {
	if l.drain.on && l.slab.used == 0 {
		l.stopped = true
	}
}

// Review finds out anew which connections leave, after an endpoint or a route has been told to, or to stay after all. It is
// called by way of Post.
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
	case c.route.Leaving():
		c.leaving = session.RouteRemoved
	case c.use.Held() && c.use.Leaving() != nil:
		c.leaving = session.Drained
	default:
		c.leaving = session.Open
	}
}

// leavesFor returns the reason for which c ends if it ends for cause: that for which it leaves, if it does.
func (l *Loop) leavesFor(c *conn, cause session.Reason) session.Reason {
	switch {
	case c.leaving != session.Open:
		return c.leaving
	case l.drain.on:
		return session.Drained
	}
	return cause
}

// stay is the Leave of a connection that does not leave.
var stay = Leave{Since: deadline.Never}

// orderFor returns what c has been told about leaving: of several orders the one that ends it first.
func (l *Loop) orderFor(c *conn) Leave {
	first := stay
	if l.drain.on {
		first = l.drain.Leave
	}
	if c.leaving == session.Open {
		return first
	}
	if order := c.route.leaving.Load(); order != nil && order.last() < first.last() {
		first = *order
	}
	if c.use.Held() {
		if order := c.use.Leaving(); order != nil {
			own := Leave{Since: deadline.Instant(order.Since), Within: order.Within}
			if own.last() < first.last() {
				first = own
			}
		}
	}
	return first
}

// last returns when the time is over.
func (o Leave) last() deadline.Instant {
	if o.Within == 0 {
		return deadline.Never
	}
	return o.Since.After(o.Within)
}

// at returns when c has to leave: at last, less the share that jitter takes off.
func (o Leave) at(c *conn) deadline.Instant {
	if o.last() == deadline.Never {
		return deadline.Never
	}
	early := time.Duration(float64(o.Within) * float64(c.session.Events.Lifetime) / 65536)
	return o.Since.After(o.Within - early)
}

const leaveLook = 50 * time.Millisecond // between looks for a message boundary

// leaveDue ends a session that has not ended by itself. One whose turn came early may finish the messages under way.
func (l *Loop) leaveDue(c *conn, order Leave) {
	last := order.last()
	if l.now >= last {
		l.end(c, session.Shutdown)
		return
	}
	if c.session.Talk.AtBoundary(protocol.FromClient) && c.session.Talk.AtBoundary(protocol.FromUpstream) {
		l.end(c, session.Drained)
		return
	}
	l.wheel.Set(c.slot, int64(min(last, l.now.After(leaveLook), c.session.Next(c.rules()))))
}
