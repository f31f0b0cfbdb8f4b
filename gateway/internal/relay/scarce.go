package relay

import (
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// When the budget for held bytes is nearly spent, a read might bring bytes that can neither be passed on nor held. Then
// they are looked at where they lie, offered to the other side, and only what it took is taken off the socket.

// scarce reports whether a read must not bring more than the other side takes: always before another read of each
// loop could spend the budget.
func (l *Loop) scarce() bool {
	return l.cfg.Budget.Used()+reserve(len(l.cfg.Gate.loops)) > l.cfg.Budget.limit.Load()
}

// mayPipe reports whether all loops could hold what a pipe carries and still have what they keep in reserve.
func (l *Loop) mayPipe() bool {
	loops := len(l.cfg.Gate.loops)
	return l.cfg.Budget.Used()+reserve(loops)+pipeSize*int64(loops) <= l.cfg.Budget.limit.Load()
}

// passUnheld offers to the other side what lies in side's socket.
func (l *Loop) passUnheld(c *conn, side session.Side) {
	to := side.Other()
	n, _ := l.peek(c, side, l.room(c, side))
	if n == 0 {
		l.readNone(c, side)
		return
	}
	sound, broke := c.session.Sound(c.rules(), side, l.buf[:n])
	written, errno := reactor.Write(int(c.legs[to].fd), l.buf[:sound])
	if errno != 0 && errno != reactor.Again {
		l.writeFailed(c, to, errno)
		return
	}
	l.tick()
	if written > 0 {
		l.tookOff(c, side, written)
	}
	if written == sound && broke != session.Open {
		l.end(c, broke)
	}
	if c.phase != relaying {
		return
	}
	if written < sound {
		c.legs[to].starved = true
		l.waitFor(c, to)
		return
	}
	l.later(c)
}

// tookOff accounts for n bytes of side that were peeked at in the loop's buffer and have been passed on.
func (l *Loop) tookOff(c *conn, side session.Side, n int) {
	for taken := 0; taken < n; {
		got, more, _ := l.read(c, side, l.buf[taken:n])
		if got == 0 && !more { // they were there a moment ago
			l.end(c, session.InternalError)
			return
		}
		taken += got
	}
	l.account(c, side, l.buf[:n], 0)
}

// readNone reads where a peek has found nothing, since only that tells why. A byte that has come meanwhile is passed on.
func (l *Loop) readNone(c *conn, side session.Side) {
	n, more, errno := l.read(c, side, l.buf[:1])
	c.legs[side].readable = more
	if n == 0 {
		l.readEnd(c, side, errno)
	} else {
		l.received(c, side, l.buf[:n])
	}
	if c.isOpen() && c.mayRead(side) {
		l.later(c)
	}
}
