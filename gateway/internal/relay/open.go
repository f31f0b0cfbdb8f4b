package relay

import "idlegate/gateway/internal/session"

// open makes a session of an accepted client.
func (l *Loop) open(r *Route, n newcomer, id uint64) {
	l.tick() // it may have come since this wake-up began
	if n.at == 0 {
		n.at = l.now
	}
	c := l.slab.take()
	c.phase = awaiting
	c.session = session.Accept(n.at, l.share(r))
	c.session.Follow(&r.Rules)
	c.session.Events.ServerFirst = r.ServerFirst
	c.route, c.clientAddr, c.id = r, peerOf(n.client), id
	if n.origin != nil {
		l.extras.need(c).origin = n.origin
	}
	if n.counted {
		c.marks |= counted
	}
	c.client, c.upstream = leg{fd: int32(n.fd), room: roomOf(!n.client.IsValid())}, leg{fd: -1}
	if l.stopped { // it came by the last mail
		l.closer.closeLeg(&c.client)
		l.vacate(c)
		return
	}
	if err := watch(l.poller, n.fd, c.client.room, c.token(session.Client)); err != nil {
		l.refuseNoFDs(c)
		return
	}
	if r.TLS != nil {
		l.handshaker.withClient(c, r.TLS())
		return
	}
	if r.ConnectFirstMessage {
		l.count(c).Opened++
		l.timers.rearm(c)
		return
	}
	l.connector.first(c)
}

// share draws what jitter takes off the connection's max_lifetime and drain, in 1/65536.
func (l *Loop) share(r *Route) uint16 {
	return uint16((l.random.Uint32() >> 16) * uint32(r.Rules.Jitter) >> 16)
}

// refuseNoFDs refuses a client for whose session there are no descriptors.
func (l *Loop) refuseNoFDs(c *conn) {
	l.refuse(c.route.RouteStats, int(c.client.fd), session.FDLimit)
	c.client.fd = -1
	l.vacate(c)
	l.connector.outOfFDs()
}

// start lets the bytes flow: first what was held back for the upstream, then what lies there.
func (l *Loop) start(c *conn) {
	l.timers.rearm(c)
	if c.isTLS(session.Upstream) {
		l.tls.encryptPending(c)
	}
	if !c.upstream.pending.empty() {
		c.session.Blocked(session.Upstream, l.now)
		l.flush(c, session.Upstream)
	}
	if c.phase == relaying {
		l.pumpBoth(c)
	}
}
