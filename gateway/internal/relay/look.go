package relay

import (
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// lookOnce looks at what the kernel knows and we do not, before a timer may fire: bytes that a peer has acknowledged have
// moved, and bytes that lie in a socket came in time.
func (ts *timers) lookOnce(c *conn) {
	for side := range session.Sides {
		if c.phase == relaying || side == session.Client { // who waits for answers before there is an upstream
			ts.lookAtWrites(c, side)
		}
	}
	for heard := session.SideSet(0); ts.hear(c, &heard); { // what one side says may leave it to the other
	}
}

// hear reads the sides that have not been heard yet of those from which a timer that is due needs to know whether they have
// spoken. It reports whether there were any.
func (ts *timers) hear(c *conn, heard *session.SideSet) (again bool) {
	if c.phase == closing || c.phase == vacant {
		return false
	}
	unheard := c.session.Unheard(c.rules(), ts.loop.now)
	for side := range session.Sides {
		if unheard.Has(side) && !heard.Has(side) && c.phase != closing && c.phase != vacant {
			*heard, again = heard.With(side), true
			ts.readUp(c, side)
		}
	}
	return again
}

// readUp reads as many bytes as lie in side's socket when it is called, and finds a FIN behind them. One that goes on sending
// does not hold a timer up by more than the reads of a turn.
func (ts *timers) readUp(c *conn, side session.Side) {
	leg := c.leg(side)
	if leg.fd < 0 || side == session.Client && c.session.Events.Paused() {
		return
	}
	leg.readable, leg.urgent = true, true // the edge of a mark may not have been collected
	flow := c.session.Flow(side.Sends())
	end := flow.Bytes + uint64(reactor.Unread(int(leg.fd)))
	for c.mayRead(side) {
		before := flow.Bytes
		ts.loop.pump(c, side.Sends())
		if flow.Bytes >= end || flow.Bytes == before {
			return
		}
	}
}

// lookAtWrites finds out whether side has acknowledged something since the last look.
func (ts *timers) lookAtWrites(c *conn, side session.Side) {
	switch {
	case c.leg(side).hasPending():
		ts.lookAtWaiting(c, side)
	case side == session.Client && (c.session.Events.KernelPending || c.session.IdleWaits(c.rules(), ts.loop.now)):
		ts.lookAtReply(c)
	}
}

// lookAtWaiting finds out whether side, which does not take what waits for it, has acknowledged something of what it took.
func (ts *timers) lookAtWaiting(c *conn, side session.Side) {
	leg := c.leg(side)
	unacked := uint32(reactor.ProgressOf(int(leg.fd)).Unacked)
	if unacked < leg.unacked {
		c.session.Took(c.rules(), side, uint64(leg.unacked-unacked), ts.loop.now)
	} else {
		c.session.Polled(side, ts.loop.now)
	}
	leg.unacked = unacked
}

// lookAtReply finds out whether the kernel still holds something of a message to the client, for which idle_timeout waits.
func (ts *timers) lookAtReply(c *conn) {
	p := reactor.ProgressOf(int(c.client.fd))
	ts.loop.tick() // LastAck is told as of now
	if p.Unacked == 0 {
		c.session.AllAcked(c.rules(), p.Mark, p.LastAck, ts.loop.now)
		return
	}
	c.session.Unacked(p.Mark, p.LastAck, ts.loop.now)
}
