package relay

import (
	"net/netip"
	"syscall"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// open makes a session of an accepted client.
func (l *Loop) open(r *Route, fd int, client netip.AddrPort, id uint64) {
	l.tick() // it may have come since this wake-up began
	c := l.slab.take()
	c.phase = awaiting
	c.session = session.Accept(l.now, l.share(r))
	c.session.Events.ServerFirst = r.ServerFirst
	c.route, c.clientAddr, c.id = r, peerOf(client), id
	c.client, c.upstream = leg{fd: int32(fd), room: roomOf(!client.IsValid())}, leg{fd: -1}
	if l.stopped { // it came by the last mail
		l.closeLeg(&c.client)
		l.vacate(c)
		return
	}
	if err := l.watch(fd, c.client.room, c.token(session.Client)); err != nil {
		l.refuseNoFDs(c)
		return
	}
	if r.ConnectFirstMessage {
		l.count(c).Opened++
		l.rearm(c)
		return
	}
	l.dialFirst(c)
}

// share draws what jitter takes off the connection's max_lifetime and drain, in 1/65536.
func (l *Loop) share(r *Route) uint16 {
	return uint16((l.random.Uint32() >> 16) * uint32(r.Rules.Jitter) >> 16)
}

// dialFirst makes the first attempt of a connection that has just been accepted: without a descriptor for the upstream it
// never becomes a session.
func (l *Loop) dialFirst(c *conn) {
	c.phase = dialling
	c.session.Events.Pause(l.now)
	if l.attempt(c) {
		l.refuseNoFDs(c)
		return
	}
	l.cfg.Admission.supplied()
	l.count(c).Opened++
	l.settle(c)
}

// refuseNoFDs refuses a client for whose session there are no descriptors.
func (l *Loop) refuseNoFDs(c *conn) {
	l.refuse(c.route, int(c.client.fd), session.FDLimit)
	c.client.fd = -1
	l.vacate(c)
	l.outOfDescriptors()
}

// outOfDescriptors has the loop that accepts pause.
func (l *Loop) outOfDescriptors() {
	acceptor := l.cfg.Admission.acceptor
	if acceptor == l {
		l.exhausted()
		return
	}
	acceptor.Post(acceptor.exhausted)
}

// dial makes the upstream connection of a session whose first message has come.
func (l *Loop) dial(c *conn) {
	c.phase = dialling
	c.session.Events.Pause(l.now)
	if l.attempt(c) {
		l.outOfDescriptors()
	} else {
		l.cfg.Admission.supplied()
	}
	l.settle(c)
}

// attempt tries endpoints until one is connected or may yet be, or none is left: then c.failure says why. It reports
// whether descriptors had run out.
func (l *Loop) attempt(c *conn) (exhausted bool) {
	r := c.route
	l.tick()
	for c.use.Attempts() <= r.Retries && r.Upstream.Endpoints().Pick(&c.use, (*upstream.Source)(&c.clientAddr.ip), int64(l.now)) {
		if c.use.Attempts() > 1 {
			r.Upstream.retries.Add(1)
		}
		errno := l.connect(c)
		if errno == 0 {
			return false
		}
		l.attempted(c, problem(errno))
		if reactor.IsExhausted(errno) {
			return true
		}
	}
	if c.failure == session.Open {
		c.failure = session.NoEndpoint
	}
	return false
}

// connect begins to connect to the endpoint that was picked. What can be known at once of the attempt is in errno.
func (l *Loop) connect(c *conn) syscall.Errno {
	address := c.use.Address()
	fd, pending, errno := c.route.Upstream.Endpoints().Connect(address, int64(l.now))
	if errno != 0 {
		return errno
	}
	room := roomOf(address.IsUnix())
	if err := l.watch(fd, room, c.token(session.Upstream)); err != nil {
		reactor.Close(fd)
		return syscall.ENOMEM
	}
	l.review(c) // the one that was tried before may have been draining
	c.upstream = leg{fd: int32(fd), pending: c.upstream.pending, room: room}
	c.session.Dialling(l.now)
	if !pending {
		l.connected(c)
	}
	return 0
}

// attempted counts a failed attempt, gives its place at the endpoint back, and remembers why it failed.
func (l *Loop) attempted(c *conn, why problem) {
	result := upstream.Failed
	c.failure, c.problem = session.ConnectFailed, why
	errno := syscall.Errno(why)
	switch {
	case why == connectedToSelf || reactor.IsLocal(errno):
		result = upstream.Local
	case reactor.IsRefused(errno):
		result, c.failure = upstream.Refused, session.ConnectRefused
	case reactor.IsTimeout(errno):
		result, c.failure = upstream.TimedOut, session.ConnectTimeout
	}
	of := c.route.Upstream
	l.tell(of, c.use.Name, of.Endpoints().Failed(&c.use, result, why.String(), int64(l.now)))
	if why == connectedToSelf {
		c.use.MayRetry() // from another port
	}
}

// settle follows an attempt: it ends the session if all have failed, and says why, and else lets it go on.
func (l *Loop) settle(c *conn) (ended session.Reason) {
	switch {
	case c.phase == relaying:
		l.start(c)
	case !c.use.Reserved():
		ended = c.failure
		l.end(c, ended)
	default:
		l.rearm(c)
	}
	return ended
}

// onConnect hears of the attempt under way.
func (l *Loop) onConnect(c *conn, ready reactor.Ready) {
	if !ready.Any(reactor.Writable | reactor.Failed | reactor.HungUp) {
		return
	}
	l.tick()
	fd := int(c.upstream.fd)
	var errno syscall.Errno
	if ready.Any(reactor.Failed | reactor.HungUp) { // one that is connected shows as Writable alone
		errno = reactor.TakeError(fd)
	}
	if errno != 0 && reactor.Unread(fd) == 0 {
		l.retry(c, problem(errno))
		return
	}
	if reactor.IsSelf(fd, *c.use.Address()) {
		l.retry(c, connectedToSelf)
		return
	}
	l.connected(c)
	if errno != 0 { // it had accepted and spoken before
		l.stopWriting(c, session.Upstream, errno)
	}
	l.settle(c)
}

// retry gives the attempt under way up and makes the next. It returns why the session has ended if there was none.
func (l *Loop) retry(c *conn, why problem) (ended session.Reason) {
	l.attempted(c, why)
	l.dropUpstream(c)
	c.session.Events.ConnectBegan = 0
	l.attempt(c)
	return l.settle(c)
}

// dropUpstream gives up a socket that was not connected, or not to anybody: then a FIN would keep its port for a while in
// which the backend could not bind it.
func (l *Loop) dropUpstream(c *conn) {
	reactor.Abort(int(c.upstream.fd))
	c.upstream.fd = -1
}

// connected notes that the upstream is there.
func (l *Loop) connected(c *conn) {
	c.use.Connected(int64(l.now))
	c.settles = l.now.After(upstream.Settle)
	c.route.Upstream.connects[l.cfg.Index].Observe(l.now.Since(c.session.Events.ConnectBegan))
	c.session.Events.ConnectBegan = 0
	if !c.client.glutted() {
		c.session.Events.Resume(l.now)
	}
	c.failure, c.problem = session.Open, 0
	c.phase = relaying
}

// start lets the bytes flow: first what was held back for the upstream, then what lies there.
func (l *Loop) start(c *conn) {
	l.rearm(c)
	if !c.upstream.pending.empty() {
		c.session.Blocked(session.Upstream, l.now)
		c.session.Events.Pause(l.now)
		l.flush(c, session.Upstream)
	}
	if c.phase == relaying {
		l.pumpBoth(c)
	}
}

// settled notes that the upstream connection has stood for upstream.Settle: that speaks for its endpoint, and now it pays to
// set the options that find out about a peer that is gone, which the client's socket has inherited.
func (l *Loop) settled(c *conn) {
	c.settles = 0
	if c.phase != relaying {
		return
	}
	of := c.route.Upstream
	l.tell(of, c.use.Name, c.use.Settled(int64(l.now)))
	if leg := &c.upstream; leg.fd >= 0 && !c.use.Address().IsUnix() {
		_ = c.route.SocketOptions().SetKeepalive(int(leg.fd)) // the listener has been given the same
	}
}

// rearm makes sure that the session's timers are looked at in time. A later instant is left to the wheel to find out.
func (l *Loop) rearm(c *conn) {
	at := l.dueAt(c)
	if at == deadline.Never {
		return
	}
	if set, ok := l.wheel.At(c.slot); !ok || int64(at) < set {
		l.wheel.Set(c.slot, int64(at))
	}
}
