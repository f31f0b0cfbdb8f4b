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

// splicer is the part of a loop that passes large messages on.
type splicer struct{ loop *Loop }

// pump passes on what the sender has sent through a pipe, several messages at once. It reports false, having done
// nothing, where the bytes have to be read or reading them is cheaper.
func (sp *splicer) pump(c *conn, from protocol.Direction) bool {
	leg := c.sender(from)
	if leg.pace != bulk || leg.urgent || leg.failed || c.keeps(from) || c.speaksTLS() || c.phase != relaying || !sp.loop.memory.mayPipe() ||
		from == protocol.FromClient && c.route.Rates.Bytes != 0 { // a pipe would take more than it may send
		return false
	}
	p := sp.loop.pool.pipes.get(sp.loop.now)
	if p == nil {
		return false
	}
	reactor.Yield()
	drained := sp.fill(c, from, p)
	if drained {
		leg.readable = false
	}
	if p.empty() {
		sp.loop.pool.pipes.put(p)
		return drained
	}
	sp.forward(c, session.Receiver(from), p)
	if errno := syscall.Errno(leg.errno); errno != 0 { // what filling has come upon, and no event will tell
		sp.loop.ends.stopWriting(c, session.Sender(from), errno)
	}
	return true
}

// fill takes what the sender has sent into an empty pipe, as far as it need not be read. It reports whether there is no more for now:
// where it comes upon anything else than bytes, reading finds out what that is.
func (sp *splicer) fill(c *conn, from protocol.Direction, p *chunk) (drained bool) {
	leg := c.sender(from)
	for p.to < p.pipe.Size() {
		head, ahead, errno := sp.ahead(c, from)
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
		sp.loop.tick()
		if n == 0 {
			leg.keep(errno)
			return errno == reactor.Again && p.empty() && leg.drained() // else perhaps it is only the pipe that is full
		}
		p.to += n
		head = head[:min(n, len(head))]
		got := sp.loop.account(c, from, session.Read{Bytes: head, New: len(head), Unread: uint64(n - len(head))})
		if got.Again > 0 { // cut all the same
			sp.loop.keeper.keep(c, from, kept{buf: head[len(head)-got.Again:], passed: got.Again})
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
func (sp *splicer) ahead(c *conn, from protocol.Direction) (head []byte, ahead uint64, errno syscall.Errno) {
	if ahead = c.session.Ahead(c.rules(), from, nil); ahead > 0 {
		return nil, ahead, 0
	}
	n, errno := sp.loop.peek(c, session.Sender(from), sp.loop.buf[:peekSize])
	if errno != 0 || n == 0 {
		return nil, 0, errno
	}
	head = sp.loop.buf[:n]
	if ahead = c.session.Ahead(c.rules(), from, head); ahead < bulkSize {
		return nil, 0, 0
	}
	return head, ahead, 0
}

// forward sends to side what p has.
func (sp *splicer) forward(c *conn, side session.Side, p *chunk) {
	leg := c.leg(side)
	sp.loop.sent(c, side, leg.pending.sendPipe(sp.loop.pool, int(leg.fd), p))
}
