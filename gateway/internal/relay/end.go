package relay

import (
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

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
		c.session.Reason = l.drain.reason(c, cause)
	}
	l.report(c, cause, breach)
	l.cfg.Budget.finished(c.id)
	l.passWithheld(c, cause)
	if c.route.Farewell.Protocol || c.route.Farewell.Bytes != nil {
		l.inserter.farewell(c, cause)
	}
	l.handshaker.giveUp(c)
	if c.phase == dialling && c.isToBeTLS() {
		l.closer.dropPending(&c.upstream) // it is in clear
	}
	c.phase = closing
	if c.closeEnd == 0 { // else it has begun when the client was found to be gone
		c.closeEnd = soonAt(l.now.After(closeStep))
	}
	c.lookAt = c.closeEnd
	l.closer.arrange(c, cause)
	for side := range session.Sides {
		if leg := c.leg(side); leg.fd >= 0 && leg.pending.empty() {
			l.closer.finishLeg(c, side)
		}
	}
	l.closer.closed(c)
	if c.phase == closing {
		l.timers.wheel.Set(c.slot, int64(c.lookAt.at(l.now)))
	}
}

// passWithheld passes on what is withheld of a session that ends for cause.
func (l *Loop) passWithheld(c *conn, cause session.Reason) {
	for from := range protocol.Directions {
		b := l.keeper.withheld(c, from)
		to := c.receiver(from)
		closed := to.failed || to.fd < 0 || c.phase != relaying || cause == session.WriteDeadline && from == protocol.FromUpstream
		if len(b) > 0 && !closed {
			_ = l.sendOwn(c, session.Receiver(from), b) // a peer that is gone shows as such by itself
		}
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
		ID: c.id, Route: c.route.Name, Client: c.clientAddr.address(), Proxy: c.origin().Proxy(), ServerName: c.origin().ServerName(), Reason: c.session.Reason,
		At: c.session.Ended(), Duration: c.session.Age(l.now), Silence: c.session.LongestSilence(l.now), Breach: breach,
	}
	for from := range protocol.Directions {
		flow := c.session.Flow(from)
		ended.Bytes[from], ended.Messages[from], ended.Heartbeats[from] = flow.Bytes, flow.Messages, uint64(flow.Heartbeats)
	}
	if c.use.Endpoint != nil {
		ended.Endpoint, ended.Error = c.use.Name, c.problemText()
	}
	c.tellTLS(&ended)
	l.connector.release(c, cause)
	c.route.left(c.clientAddr.address().Addr(), c.marks.has(counted))
	l.sessions.Add(-1)
	if c.route.checks {
		return
	}
	l.remember(ended)
	l.cfg.Reporter.Ended(ended)
}

// vacate gives up the slot of a connection that never became a session.
func (l *Loop) vacate(c *conn) {
	c.route.left(c.clientAddr.address().Addr(), c.marks.has(counted))
	l.sessions.Add(-1)
	l.free(c)
}

func (l *Loop) free(c *conn) {
	for from := range protocol.Directions {
		l.keeper.forget(c, from)
	}
	l.extras.drop(c)
	l.timers.wheel.Clear(c.slot)
	l.slab.put(c)
	l.cfg.Admission.left()
}
