package relay

import (
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// closeStep is how long each step of closing may take: writing what was read before, then reading what still comes, so
// that no reset destroys what was written.
const closeStep = 2 * time.Second

// resetLook is the time between looks whether everything was acknowledged that a reset would destroy.
const resetLook = 10 * time.Millisecond

// How a leg is closed:
//
//	held     resets  what is done                                        when the step's time is over
//	some     either  write it                                            reset: a FIN would say that all was sent
//	nothing  true    wait until the peer has acknowledged all, reset     reset
//	nothing  false   FIN, then read and discard until the peer's FIN     close
//
// One that has failed is closed at once.

// closer is the part of a loop that closes the sockets of sessions that have ended.
type closer struct{ loop *Loop }

// arrange decides how each leg is closed, from what ended the session.
func (e *closer) arrange(c *conn, cause session.Reason) {
	client, up := &c.client, &c.upstream
	if c.route.Reset && !byPeer(cause) || c.marks.has(resetsAtOnce) {
		e.abortLeg(client)
		e.abortLeg(up)
	}
	switch cause {
	case session.UpstreamReset, session.UpstreamLost:
		c.resets = c.resets.With(session.Client) // after what the upstream had sent
	case session.ClientReset, session.ClientLost:
		c.resets = c.resets.With(session.Upstream)
	case session.InternalError:
		c.resets = c.resets.With(session.Client).With(session.Upstream) // bytes may be missing
	case session.ClientStalled, session.WriteDeadline:
		e.dropPending(client)
		c.marks |= abandoned
	case session.UpstreamStalled:
		e.dropPending(up)
		c.marks |= abandoned
	}
	for side := range session.Sides {
		if leg := c.leg(side); leg.failed || leg.fd < 0 {
			e.closeLeg(leg)
		}
	}
}

// dropPending gives up what waits for a peer.
func (e *closer) dropPending(leg *leg) {
	leg.pending.drop(e.loop.pool)
}

// closeLeg closes a leg's socket now.
func (e *closer) closeLeg(leg *leg) {
	e.dropPending(leg)
	if leg.fd >= 0 {
		reactor.Close(int(leg.fd))
		leg.fd = -1
	}
}

// abortLeg resets a leg's socket now.
func (e *closer) abortLeg(leg *leg) {
	e.dropPending(leg)
	if leg.fd >= 0 {
		reactor.Abort(int(leg.fd))
		leg.fd = -1
	}
}

// finishLeg says to side, for which nothing is held any more, that the connection is over.
func (e *closer) finishLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	if c.resets.Has(side) {
		e.resetLeg(c, side)
		return
	}
	if !c.connecting(side) && !e.loop.tls.sayClosed(c, side) {
		return // it comes again when that has been written
	}
	if c.connecting(side) || c.session.Flow(side.Sends()).FIN {
		e.closeLeg(leg)
		return
	}
	if !c.session.Flow(side.Receives()).Passed {
		_ = reactor.CloseWrite(int(leg.fd)) // a peer that is gone needs no FIN
		c.session.Flow(side.Receives()).Passed = true
	}
	e.discardLeg(c, side)
}

// resetLeg resets side when it has acknowledged what it was sent, which a reset would destroy.
func (e *closer) resetLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	if c.connecting(side) || reactor.Unacked(int(leg.fd)) == 0 {
		e.abortLeg(leg)
		return
	}
	e.lookSoon(c)
}

// lookSoon looks at c again where no event may tell that a peer has acknowledged something, or takes bytes again.
func (e *closer) lookSoon(c *conn) {
	now := e.loop.now
	c.lookAt = soonAt(min(c.closeEnd.at(now), now.After(resetLook)))
	e.loop.timers.rearm(c)
}

// onReady hears of a socket of a session that has ended.
func (e *closer) onReady(c *conn, side session.Side, ready reactor.Ready) {
	leg := c.leg(side)
	switch {
	case ready.Any(reactor.Failed):
		e.closeLeg(leg)
	case !leg.pending.empty():
		e.flush(c, side)
	case !c.resets.Has(side):
		e.discardLeg(c, side)
	}
	e.closed(c)
}

// flush writes what is held for side.
func (e *closer) flush(c *conn, side session.Side) {
	leg := c.leg(side)
	if _, errno := leg.pending.flush(e.loop.pool, int(leg.fd)); errno != 0 && errno != reactor.Again {
		e.closeLeg(leg)
		return
	}
	if !leg.pending.empty() {
		if reactor.Unacked(int(leg.fd)) == 0 {
			e.lookSoon(c)
		}
		return
	}
	e.dropPending(leg)
	if !c.resets.Has(side) { // its input is discarded for a step of its own
		c.closeEnd = soonAt(e.loop.now.After(closeStep))
		c.lookAt = c.closeEnd
	}
	e.finishLeg(c, side)
}

// discard reads on where a turn was not enough.
func (e *closer) discard(c *conn) {
	for side := range session.Sides {
		if leg := c.leg(side); leg.fd >= 0 && leg.pending.empty() && !c.resets.Has(side) {
			e.discardLeg(c, side)
		}
	}
	e.closed(c)
}

// discardLeg reads what side still sends, to no purpose but that the kernel does not answer it with a reset.
func (e *closer) discardLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	for range turnReads {
		n, more, errno := e.loop.readSocket(c, side, e.loop.buf)
		if n == 0 && errno != reactor.Again {
			e.closeLeg(leg)
			return
		}
		if !more {
			return
		}
	}
	if side == session.Upstream && reactor.Unacked(int(leg.fd)) == 0 {
		e.closeLeg(leg) // it has all that it was sent, and goes on sending what nobody will have: now it is reset
		return
	}
	e.loop.backlog.add(c)
}

// onDue looks at a session that is being closed, and gives up what has taken its time.
func (e *closer) onDue(c *conn) {
	over := c.closeEnd.at(e.loop.now) <= e.loop.now
	c.lookAt = c.closeEnd
	for side := range session.Sides {
		leg := c.leg(side)
		switch {
		case over:
			e.giveUp(c, side)
		case leg.fd < 0:
		case !leg.pending.empty():
			e.flush(c, side)
		case c.resets.Has(side):
			e.resetLeg(c, side)
		}
	}
	e.closed(c)
	if c.phase == closing {
		e.loop.timers.rearm(c)
	}
}

// giveUp closes a leg whose time is over.
func (e *closer) giveUp(c *conn, side session.Side) {
	leg := c.leg(side)
	if leg.fd < 0 {
		e.dropPending(leg)
		return
	}
	if c.resets.Has(side) || !leg.pending.empty() || c.marks.has(abandoned) && reactor.Unacked(int(leg.fd)) > 0 {
		e.abortLeg(leg)
		return
	}
	e.closeLeg(leg)
}

// closed releases the connection once both its sockets are closed.
func (e *closer) closed(c *conn) {
	if c.client.fd < 0 && c.upstream.fd < 0 {
		e.release(c)
	}
}

// release gives up what c holds and its slot.
func (e *closer) release(c *conn) {
	for side := range session.Sides {
		e.giveUp(c, side)
	}
	e.loop.free(c)
}
