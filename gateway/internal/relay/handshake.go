package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"syscall"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// TLS handshakes. The one with a client comes before anything else; the one with an upstream is a part of connecting to it: if it
// fails another endpoint is tried. Each runs in a goroutine, which asks through the mailbox for what it needs:
//
//	loop                             goroutine
//	start ─────────────────────────► computes, writes, comes upon a read
//	onNotify: sends what it wrote ◄─ notify
//	feed: delivers what has come ──► goes on
//	onNotify: done, or failed    ◄── notify
//
// Before the first bytes of a client there is none.

// handshaker is the part of a loop that carries handshakes on.
type handshaker struct {
	// Set once.
	loop *Loop
	pool *tlsio.Pool
}

// helloSize is the most that is read at once for a handshake, in bytes.
const helloSize = 16 << 10

// isShaking reports whether side is in its handshake.
func (c *conn) isShaking(side session.Side) bool {
	if side == session.Client {
		return c.phase == shaking
	}
	return c.phase == dialling && c.extra != nil && c.extra.tls != nil && c.extra.tls.upstream.shake != nil
}

// withClient begins with a client that is to speak TLS.
func (hs *handshaker) withClient(c *conn, config *tls.Config) {
	c.phase = shaking
	hs.loop.extras.need(c).tls = &secured{client: secure{config: config}}
	c.session.Shaking(hs.loop.now)
	hs.loop.count(c).Opened++
	hs.loop.timers.rearm(c)
}

// withUpstream begins with an upstream that has just been connected.
func (hs *handshaker) withUpstream(c *conn, config *tls.Config) {
	s := c.extra.tls
	s.held, c.upstream.pending = c.upstream.pending, outbox{}
	c.session.Shaking(hs.loop.now)
	if c.proxyVersion() != 0 {
		hs.loop.connector.introduce(c)
		if !c.isOpen() {
			return
		}
		_, _ = c.upstream.pending.flush(hs.loop.pool, int(c.upstream.fd)) // the handshake comes upon an error
	}
	hs.start(c, session.Upstream, func(notify func()) *tlsio.Handshake { return hs.pool.Client(config, notify) })
}

// start starts the goroutine.
func (hs *handshaker) start(c *conn, side session.Side, start func(notify func()) *tlsio.Handshake) {
	s := c.secure(side)
	var h *tlsio.Handshake
	token := c.token(side)
	ready := make(chan struct{})
	h = start(func() {
		<-ready // h is set
		hs.loop.Post(func() { hs.onNotify(token, h) })
	})
	s.shake, s.expected = h, false
	close(ready)
}

// onNotify hears of a handshake.
func (hs *handshaker) onNotify(token uint64, h *tlsio.Handshake) {
	c, side := hs.loop.slab.find(token)
	if c == nil || c.extra == nil || c.extra.tls == nil || c.secure(side).shake != h {
		return // it was given up
	}
	hs.loop.tick()
	leg, s, state := c.leg(side), c.secure(side), h.Take()
	if len(state.Out) > 0 {
		errno := leg.pending.sendOwn(hs.loop.pool, int(leg.fd), state.Out)
		if errno != 0 {
			hs.failed(c, side, fmt.Errorf("write: %w", errno))
			return
		}
		if !leg.pending.empty() {
			c.awaitRoom(hs.loop.poller, side)
		}
	}
	switch {
	case state.Done && state.Err != nil:
		hs.failed(c, side, state.Err)
	case state.Done && side == session.Upstream && !leg.pending.empty(): // what comes behind that is yet to be encrypted
	case state.Done:
		hs.done(c, side, h)
	case state.Wants:
		s.expected = true
		if leg.readable {
			hs.feed(c, side)
		}
	}
}

// onReady hears of the socket of a side in its handshake.
func (hs *handshaker) onReady(c *conn, side session.Side, ready reactor.Ready) {
	leg := c.leg(side)
	if ready.Any(reactor.Writable) && !leg.pending.empty() {
		if _, errno := leg.pending.flush(hs.loop.pool, int(leg.fd)); errno != 0 && errno != reactor.Again {
			hs.failed(c, side, errno)
			return
		}
		if leg.pending.empty() {
			c.forgetRoom(hs.loop.poller, side)
			if shake := c.secure(side).shake; shake != nil && side == session.Upstream {
				hs.onNotify(c.token(side), shake) // it may be done but for that
				return
			}
		}
	}
	if leg.readable && (c.secure(side).expected || side == session.Client && c.extra.tls.client.shake == nil) {
		hs.feed(c, side)
	}
}

// feed reads for a handshake that waits for it.
func (hs *handshaker) feed(c *conn, side session.Side) {
	leg, s := c.leg(side), c.secure(side)
	n, more, errno := hs.loop.readSocket(c, side, hs.loop.buf[:helloSize])
	leg.readable = more
	switch {
	case n > 0 && s.shake == nil: // of a client, its first
		s.began = true
		hs.start(c, side, func(notify func()) *tlsio.Handshake { return hs.pool.Server(s.config, hs.loop.buf[:n], notify) })
	case n > 0:
		s.began, s.expected = true, false
		s.shake.Deliver(hs.loop.buf[:n])
	case errno == reactor.Again:
	case side == session.Client && errno == 0 && !s.began: // it has said nothing at all
		hs.loop.end(c, session.ClientFIN)
	case errno == 0:
		hs.failed(c, side, errGone)
	case side == session.Client:
		hs.loop.ends.broken(c, side, errno)
	default:
		hs.failed(c, side, errno)
	}
}

// errGone is why a handshake fails whose peer closes the connection.
var errGone = errors.New("the peer closed the connection within the handshake")

// done goes on after a handshake.
func (hs *handshaker) done(c *conn, side session.Side, h *tlsio.Handshake) {
	leg, s := c.leg(side), c.secure(side)
	facts := h.Conn().Facts()
	s.conn, s.facts, s.shake, s.config = h.Conn(), &facts, nil, nil
	leg.readable = true // some may have come along with the handshake
	c.session.Shaken(hs.loop.now)
	if side == session.Upstream {
		hs.unhold(c)
		hs.loop.connector.connected(c)
		hs.loop.connector.settle(c)
		return
	}
	c.phase = awaiting
	if !c.route.ConnectFirstMessage {
		hs.loop.connector.dial(c)
		return
	}
	hs.loop.timers.rearm(c)
	if c.mayRead(side) {
		hs.loop.pump(c, side.Sends())
	}
}

// failed follows a handshake that has failed.
func (hs *handshaker) failed(c *conn, side session.Side, err error) {
	s := c.secure(side)
	if s.shake != nil {
		s.shake.End(errGivenUp) // it may wait for more
	}
	s.shake, s.problem = nil, err.Error()
	if side == session.Upstream {
		hs.loop.connector.retry(c, handshakeFailed)
		return
	}
	reason := session.TLSHandshakeFailed
	var errno syscall.Errno
	switch {
	case errors.Is(err, tlsio.ErrEvicted):
		reason = session.Evicted
	case errors.As(err, &errno):
		c.client.keep(errno)
		hs.loop.ends.broken(c, side, errno)
		return
	}
	hs.loop.end(c, reason)
}

// unhold puts back what is held for an upstream whose handshake is over, or has failed.
func (hs *handshaker) unhold(c *conn) {
	if c.extra == nil || c.extra.tls == nil || c.extra.tls.held.empty() {
		return
	}
	c.upstream.pending.drop(hs.loop.pool)
	c.upstream.pending, c.extra.tls.held = c.extra.tls.held, outbox{}
}

// isHeld reports whether something is held for an upstream in its handshake.
func (c *conn) isHeld() bool {
	return c.extra != nil && c.extra.tls != nil && !c.extra.tls.held.empty()
}

// giveUp ends the goroutines whose result nobody waits for, and drops what is held for an upstream: it is in clear.
func (hs *handshaker) giveUp(c *conn) {
	if c.extra == nil || c.extra.tls == nil {
		return
	}
	c.extra.tls.held.drop(hs.loop.pool)
	for side := range session.Sides {
		if s := c.secure(side); s.shake != nil {
			s.shake.End(errGivenUp)
			s.shake = nil
		}
	}
}

var errGivenUp = errors.New("given up")
