package relay

import (
	"syscall"

	"idlegate/gateway/internal/protocol"
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

// pumpUnread passes on what the sender has sent through a pipe, several messages at once. It reports false, having done
// nothing, where the bytes have to be read or reading them is cheaper.
func (l *Loop) pumpUnread(c *conn, from protocol.Direction) bool {
	leg := c.sender(from)
	if leg.pace != bulk || leg.urgent || leg.failed || c.keeps(from) || c.speaksTLS() || c.phase != relaying || !l.mayPipe() ||
		from == protocol.FromClient && c.route.Rates.Bytes != 0 { // a pipe would take more than it may send
		return false
	}
	p := l.pool.pipes.get(l.now)
	if p == nil {
		return false
	}
	reactor.Yield()
	drained := l.fill(c, from, p)
	if drained {
		leg.readable = false
	}
	if p.empty() {
		l.pool.pipes.put(p)
		return drained
	}
	l.forwardPipe(c, session.Receiver(from), p)
	if errno := syscall.Errno(leg.errno); errno != 0 { // what filling has come upon, and no event will tell
		l.stopWriting(c, session.Sender(from), errno)
	}
	return true
}

// fill takes what the sender has sent into an empty pipe, as far as it need not be read. It reports whether there is no more for now:
// where it comes upon anything else than bytes, reading finds out what that is.
func (l *Loop) fill(c *conn, from protocol.Direction, p *chunk) (drained bool) {
	leg := c.sender(from)
	for p.to < p.pipe.Size() {
		head, ahead, errno := l.ahead(c, from)
		if errno == reactor.Again {
			return leg.drained()
		}
		if ahead == 0 {
			leg.pace = ordinary
			return false
		}
		most := int(min(uint64(len(head))+ahead, uint64(p.pipe.Size()-p.to)))
		if most < len(head) { // a header that is cut could not be told from a heartbeat
			return false
		}
		n, errno := p.pipe.Fill(int(leg.fd), most)
		l.tick()
		if n == 0 {
			leg.keep(errno)
			return errno == reactor.Again && p.empty() && leg.drained() // else perhaps it is only the pipe that is full
		}
		p.to += n
		head = head[:min(n, len(head))]
		got := l.account(c, from, session.Read{Bytes: head, New: len(head), Unread: uint64(n - len(head))})
		if got.Again > 0 { // cut all the same
			l.keep(c, from, head[len(head)-got.Again:], got.Again, false)
			return false
		}
		if n < most {
			if n <= slowSize {
				leg.pace = ordinary
			}
			return false
		}
	}
	return false
}

// ahead returns how many bytes come after head, the first of what the sender has sent, that need not be looked at: 0 where
// reading is the better way. Of the errors only Again says something.
func (l *Loop) ahead(c *conn, from protocol.Direction) (head []byte, ahead uint64, errno syscall.Errno) {
	if ahead = c.session.Ahead(c.rules(), from, nil); ahead > 0 {
		return nil, ahead, 0
	}
	n, errno := l.peek(c, session.Sender(from), l.buf[:peekSize])
	if errno != 0 || n == 0 {
		return nil, 0, errno
	}
	head = l.buf[:n]
	if ahead = c.session.Ahead(c.rules(), from, head); ahead < bulkSize {
		return nil, 0, 0
	}
	return head, ahead, 0
}

// forwardPipe sends to side what p has.
func (l *Loop) forwardPipe(c *conn, side session.Side, p *chunk) {
	leg := c.leg(side)
	l.sent(c, side, leg.pending.sendPipe(l.pool, int(leg.fd), p))
}
