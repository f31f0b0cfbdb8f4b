package relay

import (
	"syscall"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// A connection gets turnReads reads of one side before others have their turn; or turnMessages messages, as 64 KiB of the smallest
// take half a millisecond where a read of large ones takes 20 µs. One read may bring more of them, so a peer that has sent as
// many is read in smaller parts from then on.
const (
	turnReads    = 4
	turnMessages = 4096
	denseSize    = 16 << 10 // bytes
)

// onReady hears of a socket.
func (l *Loop) onReady(c *conn, side session.Side, ready reactor.Ready) {
	leg := c.leg(side)
	if leg.fd < 0 {
		return
	}
	if ready.Any(reactor.PeerClosed | reactor.HungUp | reactor.Failed) {
		leg.readToEOF = true
	}
	leg.urgent = leg.urgent || ready.Any(reactor.Urgent)
	leg.readable = leg.readable || ready.Any(reactor.Readable|reactor.Urgent|reactor.PeerClosed|reactor.HungUp|reactor.Failed)
	switch {
	case c.phase == closing:
		l.closer.onReady(c, side, ready)
		return
	case c.isShaking(side):
		l.handshaker.onReady(c, side, ready)
		return
	case c.phase == dialling && side == session.Upstream:
		l.connector.onReady(c, ready) // a server that speaks first may have spoken already
		return
	}
	if ready.Any(reactor.Failed) {
		l.ends.onFailed(c, side)
	}
	if ready.Any(reactor.Writable) && c.isOpen() {
		l.onWritable(c, side)
	}
	if c.isOpen() && c.mayRead(side) {
		l.pump(c, side.Sends())
	}
}

// pumpBoth carries what lies there in both directions.
func (l *Loop) pumpBoth(c *conn) {
	for side := range session.Sides {
		if c.mayRead(side) {
			l.pump(c, side.Sends())
		}
	}
}

// pump reads what the sender has sent and passes it on.
func (l *Loop) pump(c *conn, from protocol.Direction) {
	for range turnReads {
		if c.phase == awaiting && !l.holder.hasRoom(c) {
			l.holder.noRoom(c)
			return
		}
		if c.phase != awaiting && l.memory.isScarce() {
			if c.speaksTLS() {
				l.memory.postpone(c)
				return
			}
			l.unbuffered.pass(c, from)
			if from == protocol.FromClient && c.isOpen() && c.route.Rates.bounded() {
				l.keepRates(c)
			}
			return
		}
		if !l.splicer.pump(c, from) {
			l.pumpRead(c, from)
		}
		if from == protocol.FromClient && c.isOpen() && c.route.Rates.bounded() {
			l.keepRates(c)
		}
		if !c.mayRead(session.Sender(from)) {
			return
		}
		if c.sender(from).pace == dense {
			break
		}
	}
	l.backlog.add(c)
}

// room is how much the next read may bring.
func (l *Loop) room(c *conn, from protocol.Direction) int {
	size := readSize
	if c.sender(from).pace == dense {
		size = denseSize
	}
	if c.phase == awaiting {
		size = min(size, l.holder.room(c))
	}
	if from == protocol.FromClient && c.route.Rates.Bytes != 0 {
		size = min(size, l.extras.rated(c).room(c.route.Rates.Bytes, l.now))
	}
	return size
}

// pumpRead is one read.
func (l *Loop) pumpRead(c *conn, from protocol.Direction) {
	leg := c.sender(from)
	if c.keeps(from) && c.keptOf(from).rest {
		l.received(c, from, 0)
		return
	}
	n, more, errno := l.read(c, session.Sender(from), c.behindKept(from, l.buf, l.room(c, from)))
	leg.readable = more
	if n == 0 {
		l.readEnd(c, from, errno)
		return
	}
	leg.pace = ordinary
	if n >= bulkSize {
		leg.pace = bulk
	}
	l.received(c, from, n)
}

// readEnd handles a read that brought no bytes.
func (l *Loop) readEnd(c *conn, from protocol.Direction, errno syscall.Errno) {
	switch errno {
	case reactor.Again:
		if leg := c.sender(from); from == protocol.FromUpstream && leg.failed && !leg.readable {
			l.end(c, c.goneFor(session.Sender(from))) // a unix socket that its peer has shut down for reading: its end may never come
		}
	case 0:
		l.forward(c, session.Receiver(from), l.keeper.withheld(c, from)) // it is not to become anything else
		if c.isOpen() {
			l.ends.onFIN(c, from)
		}
	case errBroken:
		l.endFor(c, session.ProtocolError, c.tlsBreach(session.Sender(from)))
	default:
		l.ends.broken(c, session.Sender(from), errno)
	}
}

// received passes on what was sent, as far as it is sound: what is kept of it, and n bytes behind that in the loop's buffer.
func (l *Loop) received(c *conn, from protocol.Direction, n int) {
	at, passed := 0, 0
	if c.keeps(from) {
		at = len(c.recall(from, l.buf).buf)
		passed = l.keeper.forget(c, from)
	}
	l.take(c, from, l.buf[:at+n], n, passed)
}

// take finds out what b means, the last bytes of their direction: of these the last fresh are new, and the first passed have been passed on.
// The others are passed on now, as far as they are sound and not to be swallowed or withheld.
func (l *Loop) take(c *conn, from protocol.Direction, b []byte, fresh, passed int) {
	messages, whole := uint64(0), uint64(0)
	var got session.Receipt
	for more := true; more && c.isOpen(); {
		got = l.account(c, from, session.Read{Bytes: b, New: fresh})
		fresh, messages, whole = 0, messages+got.Messages, whole+got.Messages
		l.forward(c, session.Receiver(from), b[min(passed, got.Pass):got.Pass])
		if got.Swallow > 0 {
			whole--
			l.inserter.swallow(c, b[got.Pass:got.Pass+got.Swallow], got.Answers)
		}
		if got.Broke != session.Open {
			break
		}
		done := got.Pass + got.Swallow
		b, passed, more = l.takeOn(c, from, &got, b, done, max(0, passed-done))
	}
	if messages > turnMessages {
		c.sender(from).pace = dense
	}
	l.takeEnd(c, from, &got, b, whole)
}

// takeOn returns what is to be taken after the first done bytes of b, and keeps what is not to be taken now.
func (l *Loop) takeOn(c *conn, from protocol.Direction, got *session.Receipt, b []byte, done, passed int) ([]byte, int, bool) {
	if got.Again > 0 {
		again := b[len(b)-got.Again:]
		if done == len(b) { // they have been passed on
			passed = len(again)
		}
		l.keeper.keep(c, from, kept{buf: again, passed: passed})
		return nil, 0, false
	}
	b = b[done:]
	if len(b) > 0 && c.isGlutted() {
		l.keeper.keep(c, from, kept{buf: b, passed: passed, rest: true})
		return nil, 0, false
	}
	return b, passed, len(b) > 0
}

// takeEnd follows what has been taken, of it whole messages for the other side: what was gathered is sent, and a stream that
// has broken ends the session.
func (l *Loop) takeEnd(c *conn, from protocol.Direction, got *session.Receipt, b []byte, whole uint64) {
	if len(l.inserter.gathered) > 0 {
		l.inserter.send(c)
	}
	breach := breachOf(c, from, got, b, 0) // before the buffer is used for another read
	if c.phase == awaiting {
		l.holder.awaited(c, whole)
	}
	if breach != nil {
		l.endFor(c, got.Broke, breach)
	}
}

// account tells session and counters what was sent.
func (l *Loop) account(c *conn, from protocol.Direction, in session.Read) session.Receipt {
	got := c.session.Received(c.rules(), from, in, l.now)
	count := l.count(c)
	count.Bytes[from] += uint64(in.New) + in.Unread
	count.Messages[from] += got.Messages
	count.Heartbeats[from] += got.Heartbeats
	if got.Opaque {
		count.Opaque++
	}
	if got.Gaps > 0 {
		count.Gap.Observe(got.Gap)
		count.Gap.ObserveN(0, got.Gaps-1)
	}
	if got.First > 0 {
		count.Advice.Ended(advice.FirstMessageTimeout, got.First, 0, false)
	}
	if got.Took > 0 {
		count.Advice.Ended(advice.MessageTimeout, got.Took, 0, false)
	}
	if got.FalseCut > 0 {
		l.timers.falseCut(c, got.FalseCut)
	}
	if got.Rearm {
		l.timers.rearm(c)
	}
	return got
}
