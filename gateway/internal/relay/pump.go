package relay

import (
	"syscall"
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// turnReads is how many reads of one side a connection gets before others have their turn.
const turnReads = 4

// onReady hears of a socket.
func (l *Loop) onReady(c *conn, side session.Side, ready reactor.Ready) {
	leg := &c.legs[side]
	if leg.fd < 0 {
		return
	}
	if ready.Any(reactor.PeerClosed | reactor.HungUp | reactor.Failed) {
		leg.toEnd = true
	}
	leg.readable = leg.readable || ready.Any(reactor.Readable|reactor.PeerClosed|reactor.HungUp|reactor.Failed)
	switch {
	case c.phase == closing:
		l.onClosing(c, side, ready)
		return
	case c.phase == dialling && side == session.Upstream:
		l.onConnect(c, ready) // a server that speaks first may have spoken already
		return
	}
	if ready.Any(reactor.Failed) && l.fatal(c, side) {
		l.broken(c, side, reactor.Failure(int(leg.fd)))
		return
	}
	if ready.Any(reactor.Writable) {
		l.onWritable(c, side)
	}
	if c.phase != closing && c.phase != vacant && c.mayRead(side) {
		l.pump(c, side)
	}
}

// fatal reports whether an error on side's socket ends the session at once: where reading will not come upon it, and
// where a client is gone who waits to be read. What an upstream sent before it was gone is read first.
func (l *Loop) fatal(c *conn, side session.Side) bool {
	return !c.mayRead(side) && (side == session.Client || c.session.Flows[side].FIN)
}

// pumpBoth carries what lies there in both directions.
func (l *Loop) pumpBoth(c *conn) {
	for side := session.Client; side <= session.Upstream; side++ {
		if c.mayRead(side) {
			l.pump(c, side)
		}
	}
}

// pump reads what side has sent and passes it on.
func (l *Loop) pump(c *conn, side session.Side) {
	for range turnReads {
		if c.phase == awaiting && !l.hasRoom(c) {
			l.noRoom(c)
			return
		}
		if c.phase != awaiting && l.scarce() {
			l.passUnheld(c, side)
			return
		}
		if !l.pumpUnread(c, side) {
			l.pumpRead(c, side)
		}
		if !c.mayRead(side) {
			return
		}
	}
	l.later(c)
}

// pumpRead is one read of side.
func (l *Loop) pumpRead(c *conn, side session.Side) {
	leg := &c.legs[side]
	buf := l.buf
	if c.phase == awaiting {
		buf = buf[:l.holdRoom(c)]
	}
	n, errno := reactor.Read(int(leg.fd), buf)
	l.tick()
	if errno != 0 || n == 0 {
		l.readEnd(c, side, errno)
		return
	}
	l.received(c, side, buf[:n])
	if n < len(buf) && !leg.toEnd {
		leg.readable = false // the next byte is a new edge
	}
	leg.bulk = n >= bulkSize
}

// readEnd handles a read that brought no bytes.
func (l *Loop) readEnd(c *conn, side session.Side, errno syscall.Errno) {
	c.legs[side].readable = false
	switch errno {
	case reactor.Again:
	case 0:
		l.finished(c, side)
	default:
		l.broken(c, side, errno)
	}
}

// received passes on what side sent, as far as it is sound.
func (l *Loop) received(c *conn, side session.Side, b []byte) {
	got := l.account(c, side, b, 0)
	l.forward(c, side.Other(), b[:got.Sound])
	if got.Broke != session.Open {
		l.end(c, got.Broke)
	}
}

// account tells session and counters what side sent: b and so many bytes that were not looked at.
func (l *Loop) account(c *conn, side session.Side, b []byte, unread int) session.Receipt {
	got := c.session.Received(c.rules(), side, b, uint64(unread), l.now)
	count := l.count(c)
	count.Bytes[side] += uint64(len(b) + unread)
	count.Messages[side] += got.Messages
	if got.Gaps > 0 {
		count.Gap.Observe(got.Gap)
		count.Gap.ObserveN(0, got.Gaps-1)
	}
	if got.SpokeAgain > 0 {
		l.spokeAgain(c, got.SpokeAgain)
	}
	if got.Sooner {
		l.rearm(c)
	}
	return got
}

// forward sends b to side.
func (l *Loop) forward(c *conn, side session.Side, b []byte) {
	if c.phase == awaiting {
		l.await(c, b)
		return
	}
	if len(b) == 0 {
		return
	}
	leg := &c.legs[side]
	l.sent(c, side, leg.pending.send(l.pool, int(leg.fd), b))
}

// sent follows what was sent to side. While something of it waits, the side that it came from is not read.
func (l *Loop) sent(c *conn, side session.Side, errno syscall.Errno) {
	switch {
	case errno == noMemory:
		l.end(c, session.InternalError)
	case errno != 0:
		l.broken(c, side, errno)
	case !c.legs[side].pending.empty():
		l.waitFor(c, side)
	}
}

// waitFor notes that side has not taken everything.
func (l *Loop) waitFor(c *conn, side session.Side) {
	c.legs[side].unsent = uint32(reactor.Unsent(int(c.legs[side].fd)))
	l.tick()
	l.offerLater(c, side)
	c.session.Held(side, l.now)
	if side == session.Upstream {
		c.session.Events.Pause(l.now)
	}
	l.rearm(c)
}

// offerAfter is the time until bytes are offered again that the kernel took none of for want of memory.
const offerAfter = 10 * time.Millisecond

// offerLater sees to it that bytes which wait for side are offered again where that will not show as Writable: where the kernel
// holds none of them, there is none to be acknowledged. It had no memory for sockets then (tcp_mem).
func (l *Loop) offerLater(c *conn, side session.Side) {
	if c.legs[side].unsent == 0 {
		c.lookAt = l.now.After(offerAfter)
	}
}

// offerAgain offers what waits though nothing is under way.
func (l *Loop) offerAgain(c *conn) {
	c.lookAt = 0
	for side := session.Client; side <= session.Upstream && c.phase == relaying; side++ {
		leg := &c.legs[side]
		if !leg.waited() || reactor.Unsent(int(leg.fd)) > 0 {
			continue
		}
		leg.unsent = 0
		if l.onWritable(c, side); c.phase == relaying && leg.waited() {
			l.offerLater(c, side)
		}
	}
}

// flush writes what waits for side, and when it is gone lets the other side be read again.
func (l *Loop) flush(c *conn, side session.Side) {
	leg := &c.legs[side]
	moved, errno := leg.pending.flush(l.pool, int(leg.fd))
	l.tick()
	if errno != 0 && errno != reactor.Again {
		l.broken(c, side, errno)
		return
	}
	if !leg.pending.empty() {
		if moved > 0 {
			c.session.Moved(side, l.now)
			l.rearm(c)
		}
		return
	}
	l.taken(c, side)
}

// onWritable goes on where side had not taken everything.
func (l *Loop) onWritable(c *conn, side session.Side) {
	leg := &c.legs[side]
	if !leg.pending.empty() {
		l.flush(c, side)
		return
	}
	if leg.starved {
		leg.starved = false
		l.taken(c, side)
	}
}

// taken goes on after side has taken everything.
func (l *Loop) taken(c *conn, side session.Side) {
	c.legs[side].unsent = 0
	c.session.Taken(c.rules(), side, l.now)
	if side == session.Upstream && !c.session.ReadClosed {
		c.session.Events.Resume(l.now)
	}
	l.rearm(c)
	from := side.Other()
	if c.session.Flows[from].FIN {
		l.passFIN(c, from)
		return
	}
	if c.mayRead(from) {
		l.later(c)
	}
}

// finished passes on that side has sent FIN, once what it sent before has been taken.
func (l *Loop) finished(c *conn, side session.Side) {
	c.session.Finished(side, l.now)
	if c.phase == awaiting { // no whole message has come, and none will
		l.end(c, session.ClientFIN)
		return
	}
	l.rearm(c)
	if c.legs[side.Other()].pending.empty() {
		l.passFIN(c, side)
	}
}

func (l *Loop) passFIN(c *conn, from session.Side) {
	if to := from.Other(); !c.session.Flows[to].Passed { // else both are closed now, which says the same
		_ = reactor.Finish(int(c.legs[to].fd)) // a peer that is gone shows as such by itself
	}
	c.session.FINPassed(from, l.now)
	if c.session.Reason != session.Open {
		l.end(c, c.session.Reason)
	}
}

// broken ends the session because side's socket has failed. What the peer sent before that is still passed on.
func (l *Loop) broken(c *conn, side session.Side, errno syscall.Errno) {
	if c.phase == closing || c.phase == vacant {
		return
	}
	reason := c.session.Reset(side)
	if errno != 0 && !reactor.IsReset(errno) {
		reason = c.session.Lost(side)
	}
	leg := &c.legs[side]
	leg.failed = true
	c.session.End(reason, l.now)
	for c.phase == relaying && c.legs[side.Other()].pending.empty() && !c.legs[side.Other()].failed {
		n, errno := reactor.Read(int(leg.fd), l.buf)
		if errno != 0 || n == 0 {
			break
		}
		l.received(c, side, l.buf[:n])
	}
	l.end(c, reason)
}
