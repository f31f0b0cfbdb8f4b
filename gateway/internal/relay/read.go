package relay

import (
	"syscall"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// Reading has one contract, whatever a leg's source is:
//
//	n > 0                b[:n] are the next bytes
//	n = 0, errno Again   there are none now
//	n = 0, errno 0       the stream ends here, by a FIN
//	n = 0, other errno   the stream ends here, by a reset or because the kernel gave up on the peer
//
// more says that bytes or the end may lie there though no edge will tell. Only read says where a stream ends. What a peek, a
// splice or a write comes upon is kept on the leg, as the kernel tells an error once, and read says it when its place in the
// stream has come.

// read reads from side.
func (l *Loop) read(c *conn, side session.Side, b []byte) (n int, more bool, errno syscall.Errno) {
	if c.isTLS(side) {
		return l.tls.read(c, side, b)
	}
	return l.readSocket(c, side, b)
}

// readSocket reads what lies in side's socket, be it in clear or not.
func (l *Loop) readSocket(c *conn, side session.Side, b []byte) (n int, more bool, errno syscall.Errno) {
	leg := c.leg(side)
	n, errno = reactor.Read(int(leg.fd), b)
	l.tick()
	if n > 0 {
		return n, n == len(b) || !c.shortIsLast(side), 0
	}
	if errno == reactor.Again {
		return 0, !leg.drained(), errno
	}
	leg.keep(errno)
	if leg.errno != 0 {
		errno = syscall.Errno(leg.errno)
	}
	return 0, false, errno
}

// peek looks at what side has sent. That it finds nothing is no end: only Again says something then.
func (l *Loop) peek(c *conn, side session.Side, b []byte) (int, syscall.Errno) {
	leg := c.leg(side)
	n, errno := reactor.Peek(int(leg.fd), b)
	leg.keep(errno)
	return n, errno
}

// shortIsLast reports whether a read of fewer bytes than there was room for has taken the last of them, so that the next is a
// new edge. Not where an end or an urgent mark lies behind them, and never on a unix socket: there a read stops behind
// descriptors that came along.
func (c *conn) shortIsLast(side session.Side) bool {
	leg := c.leg(side)
	return !leg.readToEOF && !leg.urgent && !c.isUnix(side)
}

func (c *conn) isUnix(side session.Side) bool {
	if side == session.Client {
		return c.clientAddr == peer{}
	}
	return c.use.Reserved() && c.use.Address().IsUnix()
}

// drained is asked after an Again, and reports whether it is true. At an urgent mark it may not be.
func (leg *leg) drained() bool {
	if leg.urgent && reactor.Unread(int(leg.fd)) > 0 {
		return false
	}
	leg.urgent = false // the next is a new edge
	return true
}

// keep notes an error of a leg's socket, which the kernel has told and will not tell again. The first is the cause of others.
func (leg *leg) keep(errno syscall.Errno) {
	if errno == 0 || errno == reactor.Again || leg.errno != 0 || reactor.IsClosed(errno) || reactor.IsOwn(errno) {
		return
	}
	leg.errno = uint8(errno)
}
