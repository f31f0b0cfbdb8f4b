package relay

import (
	"syscall"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// connector is the part of a loop that makes the upstream connections of its sessions.
type connector struct{ loop *Loop }

// first makes the first attempt of a connection that has just been accepted: without a descriptor for the upstream it
// never becomes a session.
func (d *connector) first(c *conn) {
	d.begin(c)
	if d.attempt(c) {
		d.loop.refuseNoFDs(c)
		return
	}
	d.loop.cfg.Admission.supplied()
	d.loop.count(c).Opened++
	d.settle(c)
}

// outOfFDs makes the loop that accepts pause.
func (d *connector) outOfFDs() {
	acceptor := d.loop.cfg.Admission.acceptor
	if acceptor == &d.loop.acceptor {
		acceptor.exhausted()
		return
	}
	acceptor.loop.Post(acceptor.exhausted)
}

// dial makes the upstream connection of a session whose first message has come.
func (d *connector) dial(c *conn) {
	d.begin(c)
	if d.attempt(c) {
		d.outOfFDs()
	} else {
		d.loop.cfg.Admission.supplied()
	}
	d.settle(c)
}

// attempt tries endpoints until one is connected or may yet be, or none is left: then c.failure says why. It reports
// whether descriptors had run out.
func (d *connector) attempt(c *conn) (exhausted bool) {
	r := c.route
	d.loop.tick()
	for c.use.Attempts() <= r.Retries {
		to := r.Upstream.contact.Load()
		if !to.Endpoints.Pick(&c.use, (*upstream.Source)(&c.clientAddr.ip), int64(d.loop.now)) {
			break
		}
		if c.use.Attempts() > 1 {
			r.Upstream.retries.Add(1)
		}
		errno := d.connect(c, to)
		if errno == 0 {
			return false
		}
		d.attempted(c, problem(errno))
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
func (d *connector) connect(c *conn, to *Contact) syscall.Errno {
	d.agree(c, to)
	address := c.use.Address()
	fd, pending, errno := to.Endpoints.Connect(address, int64(d.loop.now))
	if errno != 0 {
		return errno
	}
	room := roomOf(address.IsUnix())
	if err := watch(d.loop.poller, fd, room, c.token(session.Upstream)); err != nil {
		reactor.Close(fd)
		return syscall.ENOMEM
	}
	c.review() // the one that was tried before may have been draining
	c.upstream = leg{fd: int32(fd), pending: c.upstream.pending, room: room}
	c.session.Dialling(d.loop.now)
	if !pending {
		d.reached(c)
	}
	return 0
}

// attempted counts a failed attempt, gives its place at the endpoint back, and remembers why it failed.
func (d *connector) attempted(c *conn, why problem) {
	result := upstream.Failed
	c.failure, c.problem = session.ConnectFailed, why
	errno := syscall.Errno(why)
	switch {
	case why == handshakeFailed:
		c.failure = session.TLSHandshakeFailed
	case why == handshakeTimedOut:
		result, c.failure = upstream.TimedOut, session.TLSHandshakeTimeout
	case why == connectedToSelf || reactor.IsLocal(errno):
		result = upstream.Local
	case reactor.IsRefused(errno):
		result, c.failure = upstream.Refused, session.ConnectRefused
	case reactor.IsTimeout(errno):
		result, c.failure = upstream.TimedOut, session.ConnectTimeout
	}
	of := c.route.Upstream
	d.loop.connector.tell(of, c.use.Name, of.Endpoints().Failed(&c.use, result, c.problemText(), int64(d.loop.now)))
	if why == connectedToSelf {
		c.use.MayRetry() // from another port
	}
}

// settle follows an attempt: it ends the session if all have failed, and says why, and else lets it go on.
func (d *connector) settle(c *conn) (ended session.Reason) {
	switch {
	case c.phase == relaying:
		d.loop.start(c)
	case !c.use.Reserved():
		ended = c.failure
		d.loop.end(c, ended)
	default:
		d.loop.timers.rearm(c)
	}
	return ended
}

// answered acts on an answer to the attempt under way that the loop has not heard of yet. It reports whether there is one.
func (d *connector) answered(c *conn) bool {
	ready := reactor.Answer(int(c.upstream.fd))
	if ready != 0 {
		d.onReady(c, ready)
	}
	return ready != 0
}

// onReady hears of the attempt under way.
func (d *connector) onReady(c *conn, ready reactor.Ready) {
	if !ready.Any(reactor.Writable | reactor.Failed | reactor.HungUp) {
		return
	}
	d.loop.tick()
	fd := int(c.upstream.fd)
	var errno syscall.Errno
	if ready.Any(reactor.Failed | reactor.HungUp) { // one that is connected shows as Writable alone
		errno = reactor.TakeError(fd)
	}
	if errno != 0 && reactor.Unread(fd) == 0 {
		d.retry(c, problem(errno))
		return
	}
	if reactor.IsSelf(fd, *c.use.Address()) {
		d.retry(c, connectedToSelf)
		return
	}
	d.reached(c)
	if errno != 0 && c.phase == relaying { // it had accepted and spoken before
		d.loop.ends.stopWriting(c, session.Upstream, errno)
	}
	d.settle(c)
}

// retry gives the attempt under way up and makes the next. It returns why the session has ended if there was none.
func (d *connector) retry(c *conn, why problem) (ended session.Reason) {
	d.attempted(c, why)
	d.drop(c)
	c.session.Events.ConnectBegan = 0
	c.session.Shaken(d.loop.now)
	d.attempt(c)
	return d.settle(c)
}

// drop gives up a socket that was not connected, or not to anybody: then a FIN would keep its port for a while in
// which the backend could not bind it.
func (d *connector) drop(c *conn) {
	d.loop.handshaker.unhold(c)
	d.loop.handshaker.giveUp(c)
	reactor.Abort(int(c.upstream.fd))
	c.upstream.fd = -1
}

// reached goes on with an upstream that is connected: it is there, unless it speaks TLS.
func (d *connector) reached(c *conn) {
	if c.isToBeTLS() {
		d.loop.handshaker.withUpstream(c, c.extra.tls.to(c.use.Name))
		return
	}
	d.connected(c)
}

// begin notes that the upstream is to be connected to.
func (d *connector) begin(c *conn) {
	c.phase = dialling
	c.session.Events.Pause(deadline.PauseDialling, d.loop.now)
}

// agree notes how the upstream is to be spoken to in the attempt that begins. An edit changes that for the next one, and for none that is
// under way, or what is to be encrypted would go in clear.
func (d *connector) agree(c *conn, to *Contact) {
	if to.TLS != nil || c.isToBeTLS() {
		s := d.loop.extras.needTLS(c)
		s.to, s.upstream = to.TLS, secure{}
	}
	c.marks = c.marks&^(proxyV1|proxyV2) | [...]marks{1: proxyV1, 2: proxyV2}[to.ProxyVersion]
}

// connected notes that the upstream is there.
func (d *connector) connected(c *conn) {
	c.use.Connected(int64(d.loop.now))
	c.settles = soonAt(d.loop.now.After(upstream.Settle))
	d.loop.countConnect(c.route.Upstream, c, d.loop.now)
	c.session.Events.ConnectBegan = 0
	c.session.Events.Resume(deadline.PauseDialling, d.loop.now)
	c.failure, c.problem = session.Open, 0
	c.phase = relaying
	if c.isToBeTLS() {
		c.extra.tls.to = nil
	}
	if c.proxyVersion() != 0 && !c.isTLS(session.Upstream) { // else it has gone before the handshake
		d.introduce(c)
	}
}

// settled notes that the upstream connection has stood for upstream.Settle: that speaks for its endpoint, and now it pays to
// set the options that find out about a peer that is gone, which the client's socket has inherited.
func (d *connector) settled(c *conn) {
	c.settles = 0
	if c.phase != relaying {
		return
	}
	of := c.route.Upstream
	d.loop.connector.tell(of, c.use.Name, c.use.Settled(int64(d.loop.now)))
	if leg := &c.upstream; leg.fd >= 0 && !c.use.Address().IsUnix() {
		_ = c.route.SocketOptions().SetKeepalive(int(leg.fd)) // the listener has been given the same
	}
}

// tell reports what an event has made of an endpoint, and of its upstream.
func (d *connector) tell(of *Upstream, name string, c upstream.Change) {
	if c.Kind == upstream.Unchanged {
		return
	}
	news := Health{Upstream: of.Name, Endpoint: name, Event: EndpointEjected, Change: c}
	if c.Kind == upstream.Returned {
		news.Event = EndpointBack
	}
	d.loop.cfg.Reporter.Health(news)
	if news, changed := of.Reconsider(); changed {
		d.loop.cfg.Reporter.Health(news)
	}
}

// causes says which close reasons an endpoint causes.
var causes = [session.ReasonCount]upstream.End{
	session.UpstreamFIN:     upstream.EndFIN,
	session.UpstreamReset:   upstream.EndReset,
	session.UpstreamLost:    upstream.EndLost,
	session.UpstreamStalled: upstream.EndStalled,
}

// release gives back the place of a session that has ended for cause.
func (d *connector) release(c *conn, cause session.Reason) {
	if !c.use.Reserved() {
		return
	}
	e := upstream.Ending{How: causes[cause], Silent: c.session.FromUpstream.Bytes == 0}
	if began := c.session.Events.ConnectBegan; began != 0 {
		e.Waited = d.loop.now.Since(began)
	}
	of := c.route.Upstream
	d.tell(of, c.use.Name, of.Endpoints().Ended(&c.use, e, int64(d.loop.now)))
	c.settles = 0
}
