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

// end ends the session for reason, unless it has ended for another, and begins to close its sockets.
func (l *Loop) end(c *conn, reason session.Reason) {
	if c.phase == closing || c.phase == vacant {
		return
	}
	c.session.End(reason, l.now)
	cause := c.session.Reason
	if cause != session.Shutdown && cause != session.Killed {
		c.session.Reason = l.leavesFor(c, cause)
	}
	l.report(c)
	l.cfg.Budget.finished(c.id)
	c.phase = closing
	c.closeEnd = l.now.After(closeStep)
	c.lookAt = c.closeEnd
	l.arrange(c, cause)
	for side := session.Client; side <= session.Upstream; side++ {
		if leg := &c.legs[side]; leg.fd >= 0 && leg.pending.empty() {
			l.finishLeg(c, side)
		}
	}
	l.closed(c)
	if c.phase == closing {
		l.wheel.Set(c.slot, int64(c.lookAt))
	}
}

// report counts the end and tells of it.
func (l *Loop) report(c *conn) {
	ledger := l.ledger(c.route)
	age := c.session.Age(l.now)
	ledger.Closed[c.session.Reason]++
	ledger.history.count(c.session.Reason, l.now)
	ledger.Duration.Observe(age)
	quiet, tail := Silences(&c.session, l.now)
	ledger.Silences.Ended(quiet, tail, c.session.Reason == session.IdleTimeout)
	ended := Ended{
		ID: c.id, Route: c.route, Client: c.client.address(), Reason: c.session.Reason,
		At: c.session.Ended, Duration: age, Silence: c.session.LongestSilence(l.now),
	}
	for side := range ended.Bytes {
		ended.Bytes[side], ended.Messages[side] = c.session.Flows[side].Bytes, c.session.Flows[side].Messages
	}
	if c.endpoint != nil {
		ended.Endpoint = c.endpoint.Name
		c.endpoint.Closed()
	}
	c.route.open.Add(-1)
	l.sessions.Add(-1)
	l.recent.add(ended)
	l.cfg.Reporter.Ended(ended)
}

// arrange decides how each leg is closed, from what ended the session.
func (l *Loop) arrange(c *conn, cause session.Reason) {
	client, up := &c.legs[session.Client], &c.legs[session.Upstream]
	finished := cause == session.ClientFIN || cause == session.UpstreamFIN
	switch {
	case c.route.Reset && !finished:
		client.reset, up.reset = true, true
		l.dropPending(client)
		l.dropPending(up)
	case cause == session.UpstreamReset:
		client.reset = true // after what the upstream had sent
	case cause == session.ClientReset:
		up.reset = true
		l.dropPending(up)
	}
	switch cause {
	case session.ClientStalled, session.WriteDeadline:
		l.dropPending(client)
		c.abandon = true
	case session.UpstreamStalled:
		l.dropPending(up)
		c.abandon = true
	}
	for side := range c.legs {
		if leg := &c.legs[side]; leg.failed || leg.fd < 0 {
			l.closeLeg(leg)
		}
	}
}

func (l *Loop) dropPending(leg *leg) { leg.pending.drop(l.pool) }

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
	leg := &c.legs[side]
	if leg.reset {
		l.resetLeg(c, side)
		return
	}
	if c.connecting(side) || c.session.Flows[side].FIN {
		l.closeLeg(leg)
		return
	}
	if !c.session.Flows[side.Other()].Passed {
		_ = reactor.Finish(int(leg.fd)) // a peer that is gone needs no FIN
		c.session.Flows[side.Other()].Passed = true
	}
	l.discardLeg(c, side)
}

// resetLeg resets side at once if the policy says so or the client did, and else when it has acknowledged what it was
// sent, which a reset would destroy.
func (l *Loop) resetLeg(c *conn, side session.Side) {
	leg := &c.legs[side]
	if side == session.Upstream || c.route.Reset || reactor.Unsent(int(leg.fd)) == 0 {
		l.abortLeg(leg)
		return
	}
	c.lookAt = min(c.closeEnd, l.now.After(resetLook))
	l.rearm(c)
}

// onClosing hears of a socket of a session that has ended.
func (l *Loop) onClosing(c *conn, side session.Side, ready reactor.Ready) {
	leg := &c.legs[side]
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
	leg := &c.legs[side]
	if _, errno := leg.pending.flush(l.pool, int(leg.fd)); errno != 0 && errno != reactor.Again {
		l.closeLeg(leg)
		return
	}
	if leg.pending.empty() {
		l.finishLeg(c, side)
	}
}

// discard reads on where a turn was not enough.
func (l *Loop) discard(c *conn) {
	for side := session.Client; side <= session.Upstream; side++ {
		if leg := &c.legs[side]; leg.fd >= 0 && leg.pending.empty() && !leg.reset {
			l.discardLeg(c, side)
		}
	}
	l.closed(c)
}

// discardLeg reads what side still sends, to no purpose but that the kernel does not answer it with a reset.
func (l *Loop) discardLeg(c *conn, side session.Side) {
	leg := &c.legs[side]
	for range turnReads {
		n, errno := reactor.Read(int(leg.fd), l.buf)
		if errno == reactor.Again {
			return
		}
		if errno != 0 || n == 0 {
			l.closeLeg(leg)
			return
		}
	}
	if side == session.Upstream && reactor.Unsent(int(leg.fd)) == 0 {
		l.closeLeg(leg) // it has all that it was sent, and goes on sending what nobody will have: now it is reset
		return
	}
	l.later(c)
}

// closeOn looks at a session that is being closed, and goes on to the next step when one has taken its time.
func (l *Loop) closeOn(c *conn) {
	over := c.closeEnd <= l.now
	flushing := false
	for side := session.Client; side <= session.Upstream; side++ {
		leg := &c.legs[side]
		switch {
		case leg.fd < 0:
		case !over && leg.reset && leg.pending.empty():
			l.resetLeg(c, side)
		case !over:
		case leg.reset, c.abandon && reactor.Unsent(int(leg.fd)) > 0:
			l.abortLeg(leg)
		case !leg.pending.empty():
			flushing = true
			l.dropPending(leg)
			l.finishLeg(c, side)
		}
	}
	if over {
		l.nextStep(c, flushing)
	}
	l.closed(c)
	if c.phase == closing {
		l.rearm(c)
	}
}

// nextStep begins the second step of closing after one that was still writing, and ends the last.
func (l *Loop) nextStep(c *conn, flushing bool) {
	if !flushing {
		l.closeLeg(&c.legs[session.Client])
		l.closeLeg(&c.legs[session.Upstream])
		return
	}
	c.closeEnd = l.now.After(closeStep)
	c.lookAt = c.closeEnd
}

// closed releases the connection once both its sockets are closed.
func (l *Loop) closed(c *conn) {
	if c.legs[session.Client].fd < 0 && c.legs[session.Upstream].fd < 0 {
		l.release(c)
	}
}

// release gives up what c holds and its slot.
func (l *Loop) release(c *conn) {
	l.closeLeg(&c.legs[session.Client])
	l.closeLeg(&c.legs[session.Upstream])
	l.free(c)
}

// vacate gives up the slot of a connection that never became a session.
func (l *Loop) vacate(c *conn) {
	c.route.open.Add(-1)
	l.sessions.Add(-1)
	l.free(c)
}

func (l *Loop) free(c *conn) {
	l.wheel.Clear(c.slot)
	l.slab.put(c)
	l.cfg.Gate.left()
}
