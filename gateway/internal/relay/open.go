package relay

import (
	"net/netip"
	"syscall"
	"time"

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
	c.route, c.client, c.id = r, peerOf(client), id
	c.legs = [2]leg{{fd: int32(fd)}, {fd: -1}}
	if l.stopped { // it came by the last mail
		l.closeLeg(&c.legs[session.Client])
		l.vacate(c)
		return
	}
	if err := l.poller.Add(fd, c.token(session.Client)); err != nil {
		l.turnAway(c)
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
		l.turnAway(c)
		return
	}
	l.cfg.Gate.supplied()
	l.count(c).Opened++
	l.settle(c)
}

// turnAway refuses a client for whose session there are no descriptors.
func (l *Loop) turnAway(c *conn) {
	l.refuse(c.route, int(c.legs[session.Client].fd), session.FDLimit)
	c.legs[session.Client].fd = -1
	l.vacate(c)
	l.outOfDescriptors()
}

// outOfDescriptors has the loop that accepts pause.
func (l *Loop) outOfDescriptors() {
	acceptor := l.cfg.Gate.acceptor
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
		l.cfg.Gate.supplied()
	}
	l.settle(c)
}

// attempt tries endpoints until one is connected or may yet be, or none is left: then c.failure says why. It reports
// whether descriptors had run out.
func (l *Loop) attempt(c *conn) (exhausted bool) {
	r := c.route
	l.tick()
	for int(c.tried.Count) <= r.Retries {
		endpoint := r.Upstream.Endpoints().Pick(&c.tried)
		if endpoint == nil {
			break
		}
		fd, pending, errno := reactor.Connect(endpoint.Address)
		if errno == 0 {
			if err := l.poller.Add(fd, c.token(session.Upstream)); err != nil {
				reactor.Close(fd)
				errno = syscall.ENOMEM
			}
		}
		c.endpoint = endpoint
		if errno != 0 {
			l.attempted(c, errno)
			c.endpoint = nil
			if reactor.IsExhausted(errno) {
				return true
			}
			continue
		}
		endpoint.Opened()
		l.review(c) // the one that was tried before may have been leaving
		c.legs[session.Upstream] = leg{fd: int32(fd), held: c.legs[session.Upstream].held}
		c.session.Dialling(l.now)
		c.young = !endpoint.Address.IsUnix()
		if !pending {
			l.connected(c)
		}
		return false
	}
	if c.failure == session.Open {
		c.failure = session.NoEndpoint
	}
	return false
}

// attempted counts a failed attempt and remembers why it failed.
func (l *Loop) attempted(c *conn, errno syscall.Errno) {
	result := upstream.Failed
	c.failure = session.ConnectFailed
	switch {
	case reactor.IsRefused(errno):
		result, c.failure = upstream.Refused, session.ConnectRefused
	case reactor.IsTimeout(errno):
		result, c.failure = upstream.TimedOut, session.ConnectTimeout
	}
	c.endpoint.Attempted(result, int64(l.now))
}

// settle follows an attempt: it ends the session if all have failed, and says why, and else lets it go on.
func (l *Loop) settle(c *conn) (ended session.Reason) {
	switch {
	case c.phase == relaying:
		l.start(c)
	case c.endpoint == nil:
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
	if errno := reactor.Failure(int(c.legs[session.Upstream].fd)); errno != 0 {
		l.retry(c, errno)
		return
	}
	l.connected(c)
	l.settle(c)
}

// retry gives the attempt under way up and makes the next. It returns why the session has ended if there was none.
func (l *Loop) retry(c *conn, errno syscall.Errno) (ended session.Reason) {
	l.attempted(c, errno)
	l.dropUpstream(c)
	c.session.Events.ConnectBegan = 0
	l.attempt(c)
	return l.settle(c)
}

func (l *Loop) dropUpstream(c *conn) {
	reactor.Close(int(c.legs[session.Upstream].fd))
	c.legs[session.Upstream].fd = -1
	c.endpoint.Closed()
	c.endpoint = nil
}

// connected notes that the upstream is there.
func (l *Loop) connected(c *conn) {
	c.endpoint.Attempted(upstream.OK, int64(l.now))
	c.route.Upstream.connects[l.cfg.Index].Observe(l.now.Since(c.session.Events.ConnectBegan))
	c.session.Events.ConnectBegan = 0
	c.session.Events.Resume(l.now)
	c.failure = session.Open
	c.phase = relaying
}

// start lets the bytes flow: first what was held back for the upstream, then what lies there.
func (l *Loop) start(c *conn) {
	l.rearm(c)
	if c.legs[session.Upstream].held != nil {
		c.session.Held(session.Upstream, l.now)
		c.session.Events.Pause(l.now)
		l.flush(c, session.Upstream)
	}
	if c.phase == relaying {
		l.pumpBoth(c)
	}
}

// youth is how old a connection gets before its upstream's socket has the options that find out about a peer that is gone.
const youth = time.Second

// comeOfAge sets these options, which the client's socket has inherited.
func (l *Loop) comeOfAge(c *conn) {
	c.young = false
	if leg := &c.legs[session.Upstream]; leg.fd >= 0 {
		_ = c.route.SocketOptions().Outlive(int(leg.fd)) // the listener has been given the same
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
