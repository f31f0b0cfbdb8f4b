package relay

import (
	"time"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
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
//	held     reset   what is done                                        when the step's time is over
//	some     either  write it                                            reset: a FIN would say that all was sent
//	nothing  true    wait until the peer has acknowledged all, reset     reset
//	nothing  false   FIN, then read and discard until the peer's FIN     close
//
// One that has failed is closed at once.

// end ends the session for reason, unless it has ended for another, and begins to close its sockets.
func (l *Loop) end(c *conn, reason session.Reason) { l.endFor(c, reason, nil) }

// endFor is end with what broke the protocol, if that is why.
func (l *Loop) endFor(c *conn, reason session.Reason, breach *ledger.Breach) {
	if !c.isOpen() {
		return
	}
	c.session.End(c.firstCause(reason), l.now)
	cause := c.session.Reason
	if cause != session.Shutdown && cause != session.Killed {
		c.session.Reason = l.drainReason(c, cause)
	}
	l.report(c, cause, breach)
	l.cfg.Budget.finished(c.id)
	l.passWithheld(c, cause)
	c.phase = closing
	if c.closeEnd == 0 { // else it has begun when the client was found to be gone
		c.closeEnd = l.now.After(closeStep)
	}
	c.lookAt = c.closeEnd
	l.arrange(c, cause)
	for side := range session.Sides {
		if leg := c.leg(side); leg.fd >= 0 && leg.pending.empty() {
			l.finishLeg(c, side)
		}
	}
	l.closed(c)
	if c.phase == closing {
		l.wheel.Set(c.slot, int64(c.lookAt))
	}
}

// firstCause returns why the session ends that something has ended for reason: a peer that was known to be gone came before it.
func (c *conn) firstCause(reason session.Reason) session.Reason {
	for side := range session.Sides {
		if leg := c.leg(side); leg.failed && leg.errno != 0 {
			return c.goneFor(side)
		}
	}
	return reason
}

// byPeer reports whether reason is the end of a peer, rather than the gateway's or its policy's.
func byPeer(reason session.Reason) bool {
	return reason >= session.ClientFIN && reason <= session.UpstreamLost
}

// report counts the end, by cause, and reports it.
func (l *Loop) report(c *conn, cause session.Reason, breach *ledger.Breach) {
	l.of(c.route.RouteStats).CountEnd(&c.session, l.now)
	ended := ledger.Ended{
		ID: c.id, Route: c.route.Name, Client: c.clientAddr.address(), Reason: c.session.Reason,
		At: c.session.Ended, Duration: c.session.Age(l.now), Silence: c.session.LongestSilence(l.now), Breach: breach,
	}
	for from := range protocol.Directions {
		flow := c.session.Flow(from)
		ended.Bytes[from], ended.Messages[from], ended.Heartbeats[from] = flow.Bytes, flow.Messages, uint64(flow.Heartbeats)
	}
	if c.use.Endpoint != nil {
		ended.Endpoint, ended.Error = c.use.Name, c.problem.String()
	}
	l.releaseEndpoint(c, cause)
	c.route.open.Add(-1)
	l.sessions.Add(-1)
	l.recent.Add(ended)
	l.cfg.Reporter.Ended(ended)
}

// arrange decides how each leg is closed, from what ended the session.
func (l *Loop) arrange(c *conn, cause session.Reason) {
	client, up := &c.client, &c.upstream
	if c.route.Reset && !byPeer(cause) {
		l.abortLeg(client)
		l.abortLeg(up)
	}
	switch cause {
	case session.UpstreamReset, session.UpstreamLost:
		client.reset = true // after what the upstream had sent
	case session.ClientReset, session.ClientLost:
		up.reset = true
	case session.InternalError:
		client.reset, up.reset = true, true // bytes may be missing
	case session.ClientStalled, session.WriteDeadline:
		l.dropPending(client)
		c.abandon = true
	case session.UpstreamStalled:
		l.dropPending(up)
		c.abandon = true
	}
	for side := range session.Sides {
		if leg := c.leg(side); leg.failed || leg.fd < 0 {
			l.closeLeg(leg)
		}
	}
}

func (l *Loop) dropPending(leg *leg) {
	leg.pending.drop(l.pool)
	leg.answers = 0
}

// closeLeg closes a leg's socket now.
func (l *Loop) closeLeg(leg *leg) {
	l.dropPending(leg)
	if leg.fd >= 0 {
		reactor.Close(int(leg.fd))
		leg.fd = -1
	}
}

// abortLeg resets a leg's socket now.
func (l *Loop) abortLeg(leg *leg) {
	l.dropPending(leg)
	if leg.fd >= 0 {
		reactor.Abort(int(leg.fd))
		leg.fd = -1
	}
}

// finishLeg says to side, for which nothing is held any more, that the connection is over.
func (l *Loop) finishLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	if leg.reset {
		l.resetLeg(c, side)
		return
	}
	if c.connecting(side) || c.session.Flow(side.Sends()).FIN {
		l.closeLeg(leg)
		return
	}
	if !c.session.Flow(side.Receives()).Passed {
		_ = reactor.CloseWrite(int(leg.fd)) // a peer that is gone needs no FIN
		c.session.Flow(side.Receives()).Passed = true
	}
	l.discardLeg(c, side)
}

// resetLeg resets side when it has acknowledged what it was sent, which a reset would destroy.
func (l *Loop) resetLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	if c.connecting(side) || reactor.Unacked(int(leg.fd)) == 0 {
		l.abortLeg(leg)
		return
	}
	l.lookSoon(c)
}

// lookSoon looks at c again where no event may tell that a peer has acknowledged something, or takes bytes again.
func (l *Loop) lookSoon(c *conn) {
	c.lookAt = min(c.closeEnd, l.now.After(resetLook))
	l.rearm(c)
}

// onClosing hears of a socket of a session that has ended.
func (l *Loop) onClosing(c *conn, side session.Side, ready reactor.Ready) {
	leg := c.leg(side)
	switch {
	case ready.Any(reactor.Failed):
		l.closeLeg(leg)
	case !leg.pending.empty():
		l.flushLast(c, side)
	case !leg.reset:
		l.discardLeg(c, side)
	}
	l.closed(c)
}

// flushLast writes what is held for side.
func (l *Loop) flushLast(c *conn, side session.Side) {
	leg := c.leg(side)
	if _, errno := leg.pending.flush(l.pool, int(leg.fd)); errno != 0 && errno != reactor.Again {
		l.closeLeg(leg)
		return
	}
	if !leg.pending.empty() {
		if reactor.Unacked(int(leg.fd)) == 0 {
			l.lookSoon(c)
		}
		return
	}
	l.dropPending(leg)
	if !leg.reset { // its input is discarded for a step of its own
		c.closeEnd = l.now.After(closeStep)
		c.lookAt = c.closeEnd
	}
	l.finishLeg(c, side)
}

// discard reads on where a turn was not enough.
func (l *Loop) discard(c *conn) {
	for side := range session.Sides {
		if leg := c.leg(side); leg.fd >= 0 && leg.pending.empty() && !leg.reset {
			l.discardLeg(c, side)
		}
	}
	l.closed(c)
}

// discardLeg reads what side still sends, to no purpose but that the kernel does not answer it with a reset.
func (l *Loop) discardLeg(c *conn, side session.Side) {
	leg := c.leg(side)
	for range turnReads {
		n, more, errno := l.read(c, side, l.buf)
		if n == 0 && errno != reactor.Again {
			l.closeLeg(leg)
			return
		}
		if !more {
			return
		}
	}
	if side == session.Upstream && reactor.Unacked(int(leg.fd)) == 0 {
		l.closeLeg(leg) // it has all that it was sent, and goes on sending what nobody will have: now it is reset
		return
	}
	l.later(c)
}

// closeOn looks at a session that is being closed, and gives up what has taken its time.
func (l *Loop) closeOn(c *conn) {
	over := c.closeEnd <= l.now
	c.lookAt = c.closeEnd
	for side := range session.Sides {
		leg := c.leg(side)
		switch {
		case over:
			l.giveUp(c, leg)
		case leg.fd < 0:
		case !leg.pending.empty():
			l.flushLast(c, side)
		case leg.reset:
			l.resetLeg(c, side)
		}
	}
	l.closed(c)
	if c.phase == closing {
		l.rearm(c)
	}
}

// giveUp closes a leg whose time is over.
func (l *Loop) giveUp(c *conn, leg *leg) {
	if leg.fd < 0 {
		l.dropPending(leg)
		return
	}
	if leg.reset || !leg.pending.empty() || c.abandon && reactor.Unacked(int(leg.fd)) > 0 {
		l.abortLeg(leg)
		return
	}
	l.closeLeg(leg)
}

// closed releases the connection once both its sockets are closed.
func (l *Loop) closed(c *conn) {
	if c.client.fd < 0 && c.upstream.fd < 0 {
		l.release(c)
	}
}

// release gives up what c holds and its slot.
func (l *Loop) release(c *conn) {
	l.giveUp(c, &c.client)
	l.giveUp(c, &c.upstream)
	l.free(c)
}

// vacate gives up the slot of a connection that never became a session.
func (l *Loop) vacate(c *conn) {
	c.route.open.Add(-1)
	l.sessions.Add(-1)
	l.free(c)
}

func (l *Loop) free(c *conn) {
	for from := range protocol.Directions {
		l.forget(c, from)
	}
	l.extras.drop(c)
	l.wheel.Clear(c.slot)
	l.slab.put(c)
	l.cfg.Admission.left()
}
