package relay

import (
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// When the budget for held bytes is nearly spent, a read might bring bytes that can neither be passed on nor held. Then
// they are looked at where they lie, offered to the other side, and only what it took is taken off the socket.

// unbuffered is the part of a loop that passes bytes on while memory is scarce.
type unbuffered struct{ loop *Loop }

// pass offers to the other side what lies in the sender's socket, behind what is kept of it. What may yet become a heartbeat stays
// there, and so does the beginning of a header: a socket tells when more has come.
func (u *unbuffered) pass(c *conn, from protocol.Direction) {
	k := c.recall(from, u.loop.buf)
	at := len(k.buf)
	n := u.peekBehind(c, from, at)
	if n == 0 && !k.rest {
		u.readNone(c, from)
		return
	}
	b := u.loop.buf[:at+n]
	got := c.session.Look(c.rules(), from, b)
	pass := max(k.passed, c.passable(from, &got, b, n))
	done, ok := u.writeTo(c, session.Receiver(from), b[:pass], k.passed)
	if !ok {
		return
	}
	passed := done
	if done == pass && got.Swallow > 0 && c.client.pending.empty() { // else its answer could not be written
		done += got.Swallow
	}
	if done > k.passed {
		u.tookOff(c, from, scarcely{done: done, passed: passed, kept: k})
	}
	if c.phase != relaying {
		return
	}
	switch full := len(b) == len(u.loop.buf); {
	case passed < pass:
		c.receiver(from).unbuffered = true
		u.loop.waitFor(c, session.Receiver(from))
	case got.Broke != session.Open:
		u.loop.endFor(c, got.Broke, breachOf(c, from, &got, b, len(b)-max(done, at)))
	case passed == done && got.Swallow > 0: // it is read again when the client has taken what waits for it
	case got.Again > 0 && pass < len(b) && !full:
		c.sender(from).readable = false
		u.seen(c, from)
	default:
		u.loop.backlog.add(c)
	}
}

// seen notes that a message has begun that stays in the socket.
func (u *unbuffered) seen(c *conn, from protocol.Direction) {
	if from == protocol.FromClient && c.session.Seen(u.loop.now) {
		u.loop.timers.rearm(c)
	}
}

// peekBehind looks at what the sender has sent, behind the first at bytes of the loop's buffer.
func (u *unbuffered) peekBehind(c *conn, from protocol.Direction, at int) int {
	if at == len(u.loop.buf) {
		return 0
	}
	n, _ := u.loop.peek(c, session.Sender(from), u.loop.buf[at:])
	return n
}

// passable returns how much of b, of which n bytes lie in the sender's socket, may be passed on now. At the end of the stream, and before
// an urgent mark behind which cannot be looked, that is all of it.
func (c *conn) passable(from protocol.Direction, got *session.Receipt, b []byte, n int) int {
	leg := c.sender(from)
	switch {
	case got.Again == 0:
		return got.Pass
	case leg.urgent, leg.readToEOF && reactor.Unread(int(leg.fd)) <= n:
		return len(b)
	case got.Pass == len(b):
		return got.Pass - got.Again
	}
	return got.Pass
}

// writeTo writes to side what of b has not been passed on, as much as it takes, and returns how much of b is passed on then.
func (u *unbuffered) writeTo(c *conn, side session.Side, b []byte, passed int) (now int, ok bool) {
	if passed == len(b) {
		return passed, true
	}
	n, errno := reactor.Write(int(c.leg(side).fd), b[passed:])
	u.loop.tick()
	if errno != 0 && errno != reactor.Again {
		u.loop.ends.writeFailed(c, side, errno)
		return passed, false
	}
	return passed + n, true
}

// scarcely is what was done with bytes at the start of the loop's buffer: some that had been kept, and others that lie in the socket.
type scarcely struct {
	kept   kept
	passed int // passed on
	done   int // passed on or to be swallowed
}

// tookOff takes off the sender's socket what was done with, and accounts for it.
func (u *unbuffered) tookOff(c *conn, from protocol.Direction, of scarcely) {
	at := len(of.kept.buf)
	if of.done <= at && !of.kept.rest {
		u.loop.keeper.forget(c, from)
		u.loop.keeper.keep(c, from, kept{buf: of.kept.buf, passed: of.passed})
		return
	}
	for taken := at; taken < of.done; {
		got, more, _ := u.loop.read(c, session.Sender(from), u.loop.buf[taken:of.done])
		if got == 0 && !more { // they were there a moment ago
			u.loop.end(c, session.InternalError)
			return
		}
		taken += got
	}
	u.loop.keeper.forget(c, from)
	u.loop.take(c, from, u.loop.buf[:of.done], max(0, of.done-at), of.passed)
	if of.done < at && c.isOpen() {
		u.keepRest(c, from, of.kept.buf[of.done:])
	}
}

// keepRest keeps what nobody has looked at, behind what is kept already.
func (u *unbuffered) keepRest(c *conn, from protocol.Direction, rest []byte) {
	before := c.keptOf(from)
	u.loop.keeper.forget(c, from)
	u.loop.keeper.keep(c, from, kept{buf: append(before.buf, rest...), passed: before.passed, rest: true})
}

// readNone reads where a peek has found nothing, since only that tells why. A byte that has come meanwhile is passed on.
func (u *unbuffered) readNone(c *conn, from protocol.Direction) {
	n, more, errno := u.loop.read(c, session.Sender(from), c.behindKept(from, u.loop.buf, 1))
	c.sender(from).readable = more
	if n == 0 {
		u.loop.readEnd(c, from, errno)
	} else {
		u.loop.received(c, from, n)
	}
	if c.isOpen() && c.mayRead(session.Sender(from)) {
		u.loop.backlog.add(c)
	}
}
