package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"syscall"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// TLS handshakes. The one with a client comes before anything else; the one with an upstream is a part of connecting to it: if it
// fails another endpoint is tried. Each runs in a goroutine, which asks through the mailbox for what it needs:
//
//	loop                             goroutine
//	shake: start ──────────────────► computes, writes, comes upon a read
//	onShake: sends what it wrote ◄── notify
//	feed: delivers what has come ──► goes on
//	onShake: shaken, or not      ◄── notify
//
// Before the first bytes of a client there is none.

// helloSize is the most that is read at once for a handshake, in bytes.
const helloSize = 16 << 10

// isShaking reports whether side is in its handshake.
func (c *conn) isShaking(side session.Side) bool {
	if side == session.Client {
		return c.phase == shaking
	}
	return c.phase == dialling && c.extra != nil && c.extra.tls != nil && c.extra.tls.upstream.shake != nil
}

// awaitHello begins with a client that is to speak TLS.
func (l *Loop) awaitHello(c *conn, config *tls.Config) {
	c.phase = shaking
	l.extras.need(c).tls = &secured{client: secure{config: config}}
	c.session.Shaking(l.now)
	l.count(c).Opened++
	l.rearm(c)
}

// reached follows the connection to an upstream: it is there, unless it speaks TLS.
func (l *Loop) reached(c *conn) {
	config := c.route.Upstream.tlsConfig(c.use.Name)
	if config == nil {
		l.connector.connected(c)
		return
	}
	x := l.extras.need(c)
	if x.tls == nil {
		x.tls = &secured{}
	}
	x.tls.upstream = secure{}
	x.tls.held, c.upstream.pending = c.upstream.pending, outbox{}
	c.session.Shaking(l.now)
	if c.route.ProxyVersion != 0 {
		l.connector.introduce(c)
		if !c.isOpen() {
			return
		}
		_, _ = c.upstream.pending.flush(l.pool, int(c.upstream.fd)) // the handshake comes upon an error
	}
	l.shake(c, session.Upstream, func(notify func()) *tlsio.Handshake { return l.cfg.Handshakes.Client(config, notify) })
}

// shake starts the goroutine.
func (l *Loop) shake(c *conn, side session.Side, start func(notify func()) *tlsio.Handshake) {
	s := c.secure(side)
	var h *tlsio.Handshake
	token := c.token(side)
	ready := make(chan struct{})
	h = start(func() {
		<-ready // h is set
		l.Post(func() { l.onShake(token, h) })
	})
	s.shake, s.expected = h, false
	close(ready)
}

// onShake hears of a handshake.
func (l *Loop) onShake(token uint64, h *tlsio.Handshake) {
	c, side := l.slab.find(token)
	if c == nil || c.extra == nil || c.extra.tls == nil || c.secure(side).shake != h {
		return // it was given up
	}
	l.tick()
	leg, s, state := c.leg(side), c.secure(side), h.Take()
	if len(state.Out) > 0 {
		errno := leg.pending.sendOwn(l.pool, int(leg.fd), state.Out)
		if errno != 0 {
			l.notShaken(c, side, fmt.Errorf("write: %w", errno))
			return
		}
		if !leg.pending.empty() {
			l.awaitRoom(c, side)
		}
	}
	switch {
	case state.Done && state.Err != nil:
		l.notShaken(c, side, state.Err)
	case state.Done:
		l.shaken(c, side, h)
	case state.Wants:
		s.expected = true
		if leg.readable {
			l.feed(c, side)
		}
	}
}

// onShaking hears of the socket of a side in its handshake.
func (l *Loop) onShaking(c *conn, side session.Side, ready reactor.Ready) {
	leg := c.leg(side)
	if ready.Any(reactor.Writable) && !leg.pending.empty() {
		if _, errno := leg.pending.flush(l.pool, int(leg.fd)); errno != 0 && errno != reactor.Again {
			l.notShaken(c, side, errno)
			return
		}
		if leg.pending.empty() {
			l.forgetRoom(c, side)
		}
	}
	if leg.readable && (c.secure(side).expected || side == session.Client && c.extra.tls.client.shake == nil) {
		l.feed(c, side)
	}
}

// feed reads for a handshake that waits for it.
func (l *Loop) feed(c *conn, side session.Side) {
	leg, s := c.leg(side), c.secure(side)
	n, more, errno := l.readSocket(c, side, l.buf[:helloSize])
	leg.readable = more
	switch {
	case n > 0 && s.shake == nil: // of a client, its first
		s.began = true
		l.shake(c, side, func(notify func()) *tlsio.Handshake { return l.cfg.Handshakes.Server(s.config, l.buf[:n], notify) })
	case n > 0:
		s.began, s.expected = true, false
		s.shake.Deliver(l.buf[:n])
	case errno == reactor.Again:
	case side == session.Client && errno == 0 && !s.began: // it has said nothing at all
		l.end(c, session.ClientFIN)
	case errno == 0:
		l.notShaken(c, side, errGone)
	case side == session.Client:
		l.broken(c, side, errno)
	default:
		l.notShaken(c, side, errno)
	}
}

// errGone is why a handshake fails whose peer closes the connection.
var errGone = errors.New("the peer closed the connection within the handshake")

// shaken goes on after a handshake.
func (l *Loop) shaken(c *conn, side session.Side, h *tlsio.Handshake) {
	leg, s := c.leg(side), c.secure(side)
	facts := h.Conn().Facts()
	s.conn, s.facts, s.shake, s.config = h.Conn(), &facts, nil, nil
	leg.readable = true // some may have come along with the handshake
	c.session.Shaken(l.now)
	if side == session.Upstream {
		l.unhold(c)
		l.connector.connected(c)
		l.connector.settle(c)
		return
	}
	c.phase = awaiting
	if c.route.ProxyVersion == 2 {
		l.tellUpstream(c, &facts)
	}
	if !c.route.ConnectFirstMessage {
		l.connector.dial(c)
		return
	}
	l.rearm(c)
	if c.mayRead(side) {
		l.pump(c, side.Sends())
	}
}

// tellUpstream notes what the PROXY header is to say of the client's TLS.
func (l *Loop) tellUpstream(c *conn, f *tlsio.Facts) {
	x := l.extras.need(c)
	if x.origin == nil {
		x.origin = &Origin{}
	}
	x.origin.TLS = &arrival.TLS{
		Version: "TLSv" + f.VersionName(), Cipher: f.CipherName(), ClientCert: f.Subject != "", ClientSubject: f.CommonName,
	}
	hello := arrival.Hello{ServerName: f.ServerName}
	if f.Protocol != "" {
		hello.ALPN = []string{f.Protocol}
	}
	x.origin.Hello = &hello
}

// notShaken follows a handshake that has failed.
func (l *Loop) notShaken(c *conn, side session.Side, err error) {
	s := c.secure(side)
	if s.shake != nil {
		s.shake.End(errGivenUp) // it may wait for more
	}
	s.shake, s.problem = nil, err.Error()
	if side == session.Upstream {
		l.connector.retry(c, handshakeFailed)
		return
	}
	reason := session.TLSHandshakeFailed
	var errno syscall.Errno
	switch {
	case errors.Is(err, tlsio.ErrEvicted):
		reason = session.Evicted
	case errors.As(err, &errno):
		c.client.keep(errno)
		l.broken(c, side, errno)
		return
	}
	l.end(c, reason)
}

// unhold puts back what is held for an upstream whose handshake is over, or has failed.
func (l *Loop) unhold(c *conn) {
	if c.extra == nil || c.extra.tls == nil || c.extra.tls.held.empty() {
		return
	}
	c.upstream.pending.drop(l.pool)
	c.upstream.pending, c.extra.tls.held = c.extra.tls.held, outbox{}
}

// isHeld reports whether something is held for an upstream in its handshake.
func (c *conn) isHeld() bool {
	return c.extra != nil && c.extra.tls != nil && !c.extra.tls.held.empty()
}

// giveUpShakes has the goroutines end whose result nobody waits for, and drops what is held for an upstream: it is in clear.
func (l *Loop) giveUpShakes(c *conn) {
	if c.extra == nil || c.extra.tls == nil {
		return
	}
	c.extra.tls.held.drop(l.pool)
	for side := range session.Sides {
		if s := c.secure(side); s.shake != nil {
			s.shake.End(errGivenUp)
			s.shake = nil
		}
	}
}

var errGivenUp = errors.New("given up")
