package relay

import (
	"syscall"
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// forward sends b to side.
func (l *Loop) forward(c *conn, side session.Side, b []byte) {
	if len(b) == 0 {
		return
	}
	if c.phase == awaiting {
		l.holder.hold(c, b)
		return
	}
	l.sent(c, side, l.send(c, side, b))
}

// send sends b to side, and queues what that does not take.
func (l *Loop) send(c *conn, side session.Side, b []byte) syscall.Errno {
	leg := c.leg(side)
	if !c.isTLS(side) {
		return leg.pending.send(l.pool, int(leg.fd), b)
	}
	return l.tls.encrypt(c, side, b, leg.pending.send)
}

// sendOwn is send for few bytes, at most readSize, that cannot be refused.
func (l *Loop) sendOwn(c *conn, side session.Side, b []byte) syscall.Errno {
	leg := c.leg(side)
	if !c.isTLS(side) {
		return leg.pending.sendOwn(l.pool, int(leg.fd), b)
	}
	return l.tls.encrypt(c, side, b, leg.pending.sendOwn)
}

// sent follows what was sent to side. While something of it waits, the side that it came from is not read.
func (l *Loop) sent(c *conn, side session.Side, errno syscall.Errno) {
	switch {
	case errno == noMemory:
		l.end(c, session.InternalError)
	case errno != 0:
		l.ends.writeFailed(c, side, errno)
	case !c.leg(side).pending.empty():
		l.waitFor(c, side)
	}
}

// waitFor notes that side has not taken everything.
func (l *Loop) waitFor(c *conn, side session.Side) {
	c.awaitRoom(l.poller, side)
	l.writeLater(c, side, 0) // where something waits already, nothing was written
	c.session.Blocked(side, l.now)
	l.timers.rearm(c)
}

// offerAfter is the time until bytes are offered again that the kernel took none of for want of memory.
const offerAfter = 10 * time.Millisecond

// writeLater follows every write of moved bytes that has left others waiting for side. Mostly that side shows as Writable later. Where the kernel
// holds none of its bytes, there is none to be acknowledged and nothing will show: it had no memory for sockets (tcp_mem). Then
// they are offered again after a while.
func (l *Loop) writeLater(c *conn, side session.Side, moved int) {
	leg := c.leg(side)
	unacked := uint32(reactor.Unacked(int(leg.fd)))
	l.tick()
	if held := uint64(leg.unacked) + uint64(moved); uint64(unacked) < held {
		c.session.Took(c.rules(), side, held-uint64(unacked), l.now)
	}
	leg.unacked = unacked
	if leg.unacked == 0 && c.phase == relaying { // before, lookAt is for something else, and only answers are written
		c.lookAt = soonAt(l.now.After(offerAfter))
	}
}

// writeAgain offers what waits though nothing is under way.
func (l *Loop) writeAgain(c *conn) {
	c.lookAt = 0
	for side := session.Client; side <= session.Upstream && c.phase == relaying; side++ {
		leg := c.leg(side)
		if !leg.hasPending() || reactor.Unacked(int(leg.fd)) > 0 {
			continue
		}
		l.onWritable(c, side)
	}
}

// flush writes what waits for side, and when it is gone lets the other side be read again.
func (l *Loop) flush(c *conn, side session.Side) {
	leg := c.leg(side)
	moved, errno := leg.pending.flush(l.pool, int(leg.fd))
	l.tick()
	if errno != 0 && errno != reactor.Again {
		l.ends.writeFailed(c, side, errno)
		return
	}
	if !leg.pending.empty() {
		c.awaitRoom(l.poller, side)
		l.writeLater(c, side, moved)
		if moved > 0 {
			c.session.Progressed(side, l.now)
		}
		l.timers.rearm(c)
		return
	}
	l.taken(c, side)
}

// onWritable goes on where side had not taken everything.
func (l *Loop) onWritable(c *conn, side session.Side) {
	leg := c.leg(side)
	if !leg.pending.empty() {
		l.flush(c, side)
		return
	}
	if leg.unbuffered {
		l.taken(c, side)
	}
}

// taken goes on after side has taken everything.
func (l *Loop) taken(c *conn, side session.Side) {
	c.forgetRoom(l.poller, side)
	leg := c.leg(side)
	leg.unacked = 0
	leg.unbuffered = false // also where an answer was queued since: no other event will tell that there is room
	c.session.Drained(c.rules(), side, l.now)
	if side == session.Client {
		l.inserter.taken(c)
	}
	l.timers.rearm(c)
	if c.mayRead(side) { // its answers waited for it
		l.backlog.add(c)
	}
	from := side.Receives()
	if c.session.Flow(from).FIN {
		l.ends.passFIN(c, from)
		return
	}
	if c.mayRead(side.Other()) {
		l.backlog.add(c)
	}
}
