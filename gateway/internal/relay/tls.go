package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"syscall"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// A side that speaks TLS is read and written through crypto/tls, on the loop. What that writes goes through the outbox, also what
// it writes by itself while it reads: an alert, an answer to a key update. Such a side is not spliced, nor peeked at where memory is
// scarce, since what lies in the socket says nothing.

// secured is the TLS of a connection.
type secured struct {
	client, upstream secure
	held             outbox // for an upstream that is in its handshake
	to               TLSFor // an upstream that is being connected to; nil: it is not, or in clear
}

// secure is the TLS of one side.
type secure struct {
	config   *tls.Config      // of a client whose handshake is not over
	shake    *tlsio.Handshake // under way; nil: none is
	conn     *tlsio.Conn      // nil before the handshake is over
	facts    *tlsio.Facts     // nil likewise
	problem  string           // what went wrong
	expected bool             // the handshake waits for more of what the peer sends
	began    bool             // something has come
	closed   bool             // close_notify was sent
}

// secure returns the TLS of a side that speaks it.
func (c *conn) secure(side session.Side) *secure {
	if side == session.Client {
		return &c.extra.tls.client
	}
	return &c.extra.tls.upstream
}

// isToBeTLS reports whether the upstream that c is being connected to is spoken to by TLS.
func (c *conn) isToBeTLS() bool { return c.extra != nil && c.extra.tls != nil && c.extra.tls.to != nil }

// isTLS reports whether side speaks TLS and its handshake is over.
func (c *conn) isTLS(side session.Side) bool {
	return c.extra != nil && c.extra.tls != nil && c.secure(side).conn != nil
}

// speaksTLS reports whether one of the sides does.
func (c *conn) speaksTLS() bool { return c.isTLS(session.Client) || c.isTLS(session.Upstream) }

// wire is the socket that crypto/tls reads and writes while a call of the loop is under way.
type wire struct {
	leg   *leg
	out   []byte // to be sent when the call is over
	empty bool   // the socket has said that nothing lies there
}

// Recv implements tlsio.Socket.
func (w *wire) Recv(p []byte) (int, syscall.Errno) {
	n, errno := reactor.Read(int(w.leg.fd), p)
	if n > 0 {
		return n, 0
	}
	if errno == reactor.Again {
		w.empty = true
		return 0, errno
	}
	w.leg.keep(errno)
	return 0, errno
}

// Send implements tlsio.Socket.
func (w *wire) Send(p []byte) { w.out = append(w.out, p...) }

// tlsLayer is the part of a loop that reads and writes through crypto/tls.
type tlsLayer struct {
	loop *Loop // set once
	wire wire
}

// over returns the socket of a leg for a call of crypto/tls.
func (t *tlsLayer) over(leg *leg) *wire {
	t.wire.leg, t.wire.out, t.wire.empty = leg, t.wire.out[:0], false
	return &t.wire
}

// errBroken is the errno of a stream whose TLS is broken: a record that was tampered with, or that has no place there.
const errBroken = syscall.EBADMSG

// read is read of a side that speaks TLS. Only close_notify is a FIN: a stream that ends otherwise may lack bytes, and counts as
// reset.
func (t *tlsLayer) read(c *conn, side session.Side, b []byte) (n int, more bool, errno syscall.Errno) {
	leg, s := c.leg(side), c.secure(side)
	w := t.over(leg)
	n, more, err := s.conn.Read(w, b)
	t.loop.tick()
	if len(w.out) > 0 {
		t.sendOutput(c, side)
	}
	switch {
	case n > 0:
		return n, more || !c.shortIsLast(side), 0
	case err == nil && w.empty:
		return 0, !leg.drained(), reactor.Again
	case err == nil:
		return 0, !c.shortIsLast(side), reactor.Again
	case errors.Is(err, tlsio.ErrCut), errors.Is(err, tlsio.ErrAlert): // the first may wrap io.EOF
		leg.keep(syscall.ECONNRESET) // unless the kernel has said more
		return 0, false, syscall.Errno(leg.errno)
	case errors.Is(err, io.EOF):
		return 0, false, 0
	}
	s.problem = err.Error()
	return 0, false, errBroken
}

// sendOutput sends what crypto/tls has written by itself. A peer that makes it do so and takes nothing is read no more.
func (t *tlsLayer) sendOutput(c *conn, side session.Side) {
	leg, size := c.leg(side), len(t.wire.out)
	if leg.failed {
		return
	}
	if errno := leg.pending.sendOwn(t.loop.pool, int(leg.fd), t.wire.out); errno != 0 {
		leg.keep(errno) // reading comes upon it
		return
	}
	if leg.pending.empty() {
		return
	}
	t.loop.waitFor(c, side)
	if side == session.Client {
		t.loop.inserter.queued(c, size)
	}
}

// encrypted is how much is encrypted before it is sent, in bytes: what is made of it fits a chunk.
const encrypted = 48 << 10

func (t *tlsLayer) encrypt(c *conn, side session.Side, b []byte, send func(*pool, int, []byte) syscall.Errno) syscall.Errno {
	leg := c.leg(side)
	for len(b) > 0 {
		part := b[:min(len(b), encrypted)]
		b = b[len(part):]
		w := t.over(leg)
		if err := c.secure(side).conn.Write(w, part); err != nil {
			return syscall.EPIPE // an alert was sent: it takes nothing more
		}
		if errno := send(t.loop.pool, int(leg.fd), w.out); errno != 0 {
			return errno
		}
	}
	return 0
}

// encryptPending encrypts what was held back for an upstream that was not there yet.
func (t *tlsLayer) encryptPending(c *conn) {
	held := c.upstream.pending
	c.upstream.pending = outbox{}
	for !held.empty() {
		if c.isOpen() && !c.upstream.failed {
			if errno := t.loop.sendOwn(c, session.Upstream, held.head.buf[held.head.from:held.head.to]); errno != 0 {
				t.loop.ends.writeFailed(c, session.Upstream, errno)
			}
		}
		held.pop(t.loop.pool)
	}
}

// sayClosed says to a side that speaks TLS that nothing more will come, which a FIN alone does not. It reports false while that
// waits to be written.
func (t *tlsLayer) sayClosed(c *conn, side session.Side) bool {
	leg := c.leg(side)
	if !c.isTLS(side) || leg.failed || leg.fd < 0 {
		return true
	}
	if s := c.secure(side); !s.closed {
		s.closed = true
		w := t.over(leg)
		s.conn.CloseWrite(w)
		if len(w.out) > 0 {
			if errno := leg.pending.sendOwn(t.loop.pool, int(leg.fd), w.out); errno != 0 {
				return true // a peer that is gone needs none
			}
		}
	}
	if leg.pending.empty() {
		return true
	}
	c.awaitRoom(t.loop.poller, side)
	return false
}

// tlsBreach describes what was wrong with the TLS of a side.
func (c *conn) tlsBreach(side session.Side) *ledger.Breach {
	return &ledger.Breach{Rule: c.secure(side).problem, From: side.Sends(), Offset: c.session.Flow(side.Sends()).Bytes}
}

// tellTLS adds to the report of an end.
func (c *conn) tellTLS(ended *ledger.Ended) {
	if c.extra == nil || c.extra.tls == nil {
		return
	}
	client := &c.extra.tls.client
	ended.TLS = client.facts
	if ended.TLS != nil && ended.ServerName == "" {
		ended.ServerName = ended.TLS.ServerName
	}
	if ended.Reason == session.TLSHandshakeFailed && ended.TLS == nil && client.problem != "" {
		ended.Error = "TLS handshake with the client: " + client.problem
	}
}
