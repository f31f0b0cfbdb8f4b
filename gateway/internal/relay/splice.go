package relay

import (
	"syscall"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// Large messages go from socket to socket through a pipe. Only what tells their ends is looked at, where it lies, and goes
// the same way.

const (
	bulkSize = 16 << 10 // bytes that come at once, and are known to follow, for which a pipe is worth its calls
	slowSize = 4 << 10  // bytes that come at once for which it is not
	peekSize = 64       // bytes looked at to find out how many follow; most headers are shorter
)

// pumpUnread passes on what side has sent by way of a pipe, several messages at once. It reports false, having done
// nothing, where the bytes have to be read or reading them is cheaper.
func (l *Loop) pumpUnread(c *conn, side session.Side) bool {
	leg := &c.legs[side]
	if !leg.bulk || c.phase != relaying || !l.mayPipe() {
		return false
	}
	p := l.pool.pipes.get(l.now)
	if p == nil {
		return false
	}
	reactor.Yield()
	errno, ended := l.fill(c, side, p)
	if p.empty() {
		l.pool.pipes.put(p)
		if ended {
			l.readEnd(c, side, errno)
		}
		return ended
	}
	if ended && errno == reactor.Again {
		leg.readable = false
	} // a FIN or a failure is met again when these bytes have been passed on
	l.forwardPipe(c, side.Other(), p)
	return true
}

// fill takes what side has sent into an empty pipe, as far as it need not be read. ended says that there is no more, and
// errno why: 0 for a FIN.
func (l *Loop) fill(c *conn, side session.Side, p *chunk) (errno syscall.Errno, ended bool) {
	leg := &c.legs[side]
	for p.to < p.pipe.Size() {
		head, ahead, errno := l.ahead(c, side)
		if errno != 0 {
			return errno, true
		}
		if ahead == 0 {
			leg.bulk = false
			return 0, false
		}
		most := int(min(uint64(len(head))+ahead, uint64(p.pipe.Size()-p.to)))
		n, errno := p.pipe.Fill(int(leg.fd), most)
		l.tick()
		if errno == reactor.Again && !p.empty() {
			return 0, false // perhaps it is only the pipe that is full
		}
		if errno != 0 || n == 0 {
			return errno, true
		}
		p.to += n
		head = head[:min(n, len(head))]
		l.account(c, side, head, n-len(head))
		if n < most {
			leg.bulk = n > slowSize
			return 0, false
		}
	}
	return 0, false
}

// ahead returns how many bytes come after head, the first of what side has sent, that need not be looked at: 0 where
// reading is the better way.
func (l *Loop) ahead(c *conn, side session.Side) (head []byte, ahead uint64, errno syscall.Errno) {
	if ahead = c.session.Ahead(c.rules(), side, nil); ahead > 0 {
		return nil, ahead, 0
	}
	n, errno := reactor.Peek(int(c.legs[side].fd), l.buf[:peekSize])
	if errno != 0 || n == 0 {
		return nil, 0, errno
	}
	head = l.buf[:n]
	if ahead = c.session.Ahead(c.rules(), side, head); ahead < bulkSize {
		return nil, 0, 0
	}
	return head, ahead, 0
}

// forwardPipe sends to side what p has.
func (l *Loop) forwardPipe(c *conn, side session.Side, p *chunk) {
	leg := &c.legs[side]
	l.sent(c, side, leg.pending.sendPipe(l.pool, int(leg.fd), p))
}
