package relay

import (
	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// Rates bound what one client sends. Its zero value bounds nothing.
type Rates struct {
	Bytes    arrival.Rate
	Messages arrival.Rate
	Delay    bool // who sends more messages is read later; else the connection ends
}

// bounded reports whether there is a bound.
func (r *Rates) bounded() bool { return r.Bytes|r.Messages != 0 }

// rated is what a connection's rates go by.
type rated struct {
	bytes, messages         arrival.Bucket
	seenBytes, seenMessages uint64           // of the flow, that have been counted
	until                   deadline.Instant // with PauseRate: when the client is read again
}

// rateChunk is what a client may send before it is read again, or an eighth of what it may in a second if that is less: else each byte
// that it may send would cost a wake-up.
const rateChunk = 16 << 10

// rated returns what the connection's rates go by; at first nothing of what has been sent is counted.
func (l *Loop) rated(c *conn) *rated {
	x := l.extras.need(c)
	if x.rated == nil {
		x.rated = &rated{}
	}
	return x.rated
}

// beginRates has the connection's rates count from now on, which an edit has set.
func (l *Loop) beginRates(c *conn) {
	flow, r := c.session.Flow(protocol.FromClient), l.rated(c)
	r.seenBytes, r.seenMessages = flow.Bytes, flow.Messages
}

// keepRates counts what the client has sent since, and reads it no more until its rates are kept again; a client that sends too many
// messages may have to go.
func (l *Loop) keepRates(c *conn) {
	rates, flow, r, now := &c.route.Rates, c.session.Flow(protocol.FromClient), l.rated(c), int64(l.now)
	late := r.messages.Take(rates.Messages, int64(flow.Messages-r.seenMessages), now)
	r.bytes.Take(rates.Bytes, int64(flow.Bytes-r.seenBytes), now)
	r.seenBytes, r.seenMessages = flow.Bytes, flow.Messages
	if late > 0 && !rates.Delay {
		l.end(c, session.RateLimited)
		return
	}
	if wait := max(late, r.bytes.WaitFor(rates.Bytes, chunkOf(rates.Bytes), now)); wait > 0 {
		r.until = deadline.Instant(now + wait)
		c.session.Events.Pause(deadline.PauseRate, l.now)
		l.rearm(c)
	}
}

func chunkOf(r arrival.Rate) int64 { return max(1, min(rateChunk, int64(r)/8)) }

// rateRoom is how many bytes the client may send now.
func (l *Loop) rateRoom(c *conn) int {
	if c.route.Rates.Bytes == 0 {
		return readSize
	}
	return int(max(1, min(readSize, l.rated(c).bytes.Room(c.route.Rates.Bytes, int64(l.now)))))
}

// isSlowed reports whether the client is not read for the sake of its rates.
func (c *conn) isSlowed() bool { return c.session.Events.Pauses().Has(deadline.PauseRate) }

// slowedUntil is when a client is read again that is slowed; Never: it is not.
func (c *conn) slowedUntil() deadline.Instant {
	if !c.isSlowed() {
		return deadline.Never
	}
	return c.extra.rated.until
}

// readSlowed reads a client again whose rates are kept.
func (l *Loop) readSlowed(c *conn) {
	c.session.Events.Resume(deadline.PauseRate, l.now)
	l.rearm(c)
	l.pumpBoth(c)
}
