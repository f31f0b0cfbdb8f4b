package relay

import (
	"syscall"
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// A connection gets so many reads of one side before others have their turn; or so many messages, as 64 KiB of the smallest
// take half a millisecond where a read of large ones takes 20 µs. One read may bring more of them, so a peer that has sent as
// many is read in smaller parts from then on.
const (
	turnReads    = 4
	turnMessages = 4096
	denseSize    = 16 << 10 // bytes
)

// onReady hears of a socket.
func (l *Loop) onReady(c *conn, side session.Side, ready reactor.Ready) {
	leg := &c.legs[side]
	if leg.fd < 0 {
		return
	}
	if ready.Any(reactor.PeerClosed | reactor.HungUp | reactor.Failed) {
		leg.toEnd = true
	}
	leg.urgent = leg.urgent || ready.Any(reactor.Urgent)
	leg.readable = leg.readable || ready.Any(reactor.Readable|reactor.Urgent|reactor.PeerClosed|reactor.HungUp|reactor.Failed)
	switch {
	case c.phase == closing:
		l.onClosing(c, side, ready)
		return
	case c.phase == dialling && side == session.Upstream:
		l.onConnect(c, ready) // a server that speaks first may have spoken already
		return
	}
	if ready.Any(reactor.Failed) {
		l.onFailed(c, side)
	}
	if ready.Any(reactor.Writable) && c.isOpen() {
		l.onWritable(c, side)
	}
	if c.isOpen() && c.mayRead(side) {
		l.pump(c, side)
	}
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
		if c.legs[side].pace == dense {
			break
		}
	}
	l.later(c)
}

// room is where side's next read goes.
func (l *Loop) room(c *conn, side session.Side) []byte {
	size := readSize
	if c.legs[side].pace == dense {
		size = denseSize
	}
	if c.phase == awaiting {
		size = min(size, l.holdRoom(c))
	}
	return l.buf[:size]
}

// pumpRead is one read of side.
func (l *Loop) pumpRead(c *conn, side session.Side) {
	leg := &c.legs[side]
	buf := l.room(c, side)
	n, more, errno := l.read(c, side, buf)
	leg.readable = more
	if n == 0 {
		l.readEnd(c, side, errno)
		return
	}
	leg.pace = ordinary
	if n >= bulkSize {
		leg.pace = bulk
	}
	l.received(c, side, buf[:n])
}

// readEnd handles a read that brought no bytes.
func (l *Loop) readEnd(c *conn, side session.Side, errno syscall.Errno) {
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
	l.forward(c, side.Other(), b[:got.Pass])
	if got.Broke != session.Open {
		l.end(c, got.Broke)
	}
}

// account tells session and counters what side sent: b and so many bytes that were not looked at.
func (l *Loop) account(c *conn, side session.Side, b []byte, unread int) session.Receipt {
	got := c.session.Received(c.rules(), side, session.Read{Bytes: b, New: len(b), Unread: uint64(unread)}, l.now)
	count := l.count(c)
	count.Bytes[side] += uint64(len(b) + unread)
	count.Messages[side] += got.Messages
	if got.Messages > turnMessages {
		c.legs[side].pace = dense
	}
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
		l.writeFailed(c, side, errno)
	case !c.legs[side].pending.empty():
		l.waitFor(c, side)
	}
}

// waitFor notes that side has not taken everything.
func (l *Loop) waitFor(c *conn, side session.Side) {
	l.awaitRoom(c, side)
	l.offerLater(c, side)
	c.session.Held(side, l.now)
	if side == session.Upstream {
		c.session.Events.Pause(l.now)
	}
	l.rearm(c)
}

// offerAfter is the time until bytes are offered again that the kernel took none of for want of memory.
const offerAfter = 10 * time.Millisecond

// offerLater follows every write that has left bytes waiting for side. Mostly that side shows as Writable later. Where the kernel
// holds none of its bytes, there is none to be acknowledged and nothing will show: it had no memory for sockets (tcp_mem). Then
// they are offered again after a while.
func (l *Loop) offerLater(c *conn, side session.Side) {
	leg := &c.legs[side]
	leg.unsent = uint32(reactor.Unsent(int(leg.fd)))
	l.tick()
	if leg.unsent == 0 {
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
		l.onWritable(c, side)
	}
}

// flush writes what waits for side, and when it is gone lets the other side be read again.
func (l *Loop) flush(c *conn, side session.Side) {
	leg := &c.legs[side]
	moved, errno := leg.pending.flush(l.pool, int(leg.fd))
	l.tick()
	if errno != 0 && errno != reactor.Again {
		l.writeFailed(c, side, errno)
		return
	}
	if !leg.pending.empty() {
		l.awaitRoom(c, side)
		l.offerLater(c, side)
		if moved > 0 {
			c.session.Moved(side, l.now)
		}
		l.rearm(c)
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
	l.forgetRoom(c, side)
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
