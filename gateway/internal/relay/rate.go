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

// count takes what the client has sent since the last call off its rates. It returns in how many nanoseconds its rate of messages is kept
// again, and in how many it may be read again; 0: at once.
func (r *rated) count(rates *Rates, flow *session.Flow, now deadline.Instant) (late, wait int64) {
	late = r.messages.Take(rates.Messages, int64(flow.Messages-r.seenMessages), int64(now))
	r.bytes.Take(rates.Bytes, int64(flow.Bytes-r.seenBytes), int64(now))
	r.seen(flow)
	return late, max(late, r.bytes.WaitFor(rates.Bytes, chunkOf(rates.Bytes), int64(now)))
}

// seen counts what the client has sent so far without taking it off its rates.
func (r *rated) seen(flow *session.Flow) { r.seenBytes, r.seenMessages = flow.Bytes, flow.Messages }

// room is how many bytes the client may send now: one at least.
func (r *rated) room(limit arrival.Rate, now deadline.Instant) int {
	return int(max(1, min(readSize, r.bytes.Room(limit, int64(now)))))
}

func chunkOf(r arrival.Rate) int64 { return max(1, min(rateChunk, int64(r)/8)) }

// rated returns what the connection's rates go by; at first nothing of what has been sent is counted.
func (s *extras) rated(c *conn) *rated {
	x := s.need(c)
	if x.rated == nil {
		x.rated = &rated{}
	}
	return x.rated
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

// keepRates counts what the client has sent since, and reads it no more until its rates are kept again; a client that sends too many
// messages may have to go.
func (l *Loop) keepRates(c *conn) {
	rates, r := &c.route.Rates, l.extras.rated(c)
	late, wait := r.count(rates, c.session.Flow(protocol.FromClient), l.now)
	switch {
	case late > 0 && !rates.Delay:
		l.end(c, session.RateLimited)
	case wait > 0:
		r.until = l.now + deadline.Instant(wait)
		c.session.Events.Pause(deadline.PauseRate, l.now)
		l.timers.rearm(c)
	}
}

// readSlowed reads a client again whose rates are kept.
func (l *Loop) readSlowed(c *conn) {
	c.session.Events.Resume(deadline.PauseRate, l.now)
	l.timers.rearm(c)
	l.pumpBoth(c)
}

// RateLeft is a rate that bounds what a client sends, and how near it is.
type RateLeft struct {
	Limit string // its key in the policy file
	Rate  arrival.Rate
	Left  int64 // that the client may send at once
}

// ratesLeft are those of a connection.
func (l *Loop) ratesLeft(c *conn) (all []RateLeft) {
	rates, now := &c.route.Rates, rated{}
	if c.extra != nil && c.extra.rated != nil {
		now = *c.extra.rated
	}
	if rates.Messages != 0 {
		all = append(all, RateLeft{"messages_per_second", rates.Messages, now.messages.Room(rates.Messages, int64(l.now))})
	}
	if rates.Bytes != 0 {
		all = append(all, RateLeft{"bytes_per_second", rates.Bytes, now.bytes.Room(rates.Bytes, int64(l.now))})
	}
	return all
}
