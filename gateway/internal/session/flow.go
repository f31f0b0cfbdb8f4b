package session

import (
	"math"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// Receipt says what a read meant.
type Receipt struct {
	Sound      int           // so many bytes may be passed on; all of them unless Broke
	Messages   uint64        // that were completed
	Gaps       uint64        // between client messages that they ended; one less where the client's first is among them
	Gap        time.Duration // the first of these; the others are 0, as all messages of one read come at one instant
	SpokeAgain time.Duration // not 0: after so long a silence, for which a dry run had counted idle_timeout
	Broke      Reason        // Open, ProtocolError or MessageTooLarge
	Sooner     bool          // a timer may now be due sooner than before
}

// Received takes what side sent: b, and after it so many bytes that were not looked at, at most Ahead. All messages of one
// read arrive at the same instant.
func (s *Session) Received(r *Rules, side Side, b []byte, unread uint64, now deadline.Instant) Receipt {
	f := &s.Flows[side]
	before := s.waiting()
	got := scan(r.Framers[side], &f.Parse, b)
	if unread > 0 {
		got.Messages += r.skip(&f.Parse, unread)
	}
	f.Bytes += uint64(len(b)) + unread
	f.Messages += got.Messages
	if got.Messages > 0 {
		got.SpokeAgain = s.spoke(r, side, now)
		if side == Client {
			s.clientSpoke(&got, now)
		}
	}
	begun := false
	if side == Client {
		begun = s.clientMessage(got, now)
	} else {
		s.upstreamMessage(r, got, now)
	}
	s.halfOpenMoved(side, now)
	got.Sooner = begun || before != s.waiting()
	return got
}

// spoke notes complete messages of side. It returns the silence before them if they restart idle_timeout and a dry run has
// counted that.
func (s *Session) spoke(r *Rules, side Side, now deadline.Instant) (counted time.Duration) {
	at := s.Events.Attended(now)
	if r.ResetOn[side] {
		silence := max(s.hushed, s.Events.Silence(now))
		s.Quiet, s.hushed = max(s.Quiet, silence), 0
		if s.Events.Observed.Has(deadline.IdleTimeout) {
			counted = silence
		}
		s.started(deadline.IdleTimeout)
		s.Events.IdleFrom, s.observedIdleFrom = at, at
	}
	s.Events.Spoke[side], s.Events.ResetOn = at, r.ResetOn
	return counted
}

// started notes that t counts anew: a dry run may count it again, and what an edit has made of it before is past.
func (s *Session) started(t deadline.Timer) {
	s.Events.Observed = s.Events.Observed.Without(t)
	s.spared = s.spared.Without(t)
}

// replyMoves notes that bytes of a lasting message to the client move, which began at the attended instant began unless one
// was under way. It divides the silence.
func (s *Session) replyMoves(began, now deadline.Instant) {
	if s.Events.ReplyMoved == 0 {
		s.hushed = max(s.hushed, s.Events.Silence(now))
	}
	s.Events.ReplyMoves(began, now)
}

// waiting is what a timer may have been put off for: a client message or a message to the client under way, or that a dry
// run has counted it. When that changes, a timer may be due sooner than it was.
type waiting struct {
	message, reply, draining bool
	observed                 deadline.Set
}

func (s *Session) waiting() waiting {
	e := &s.Events
	return waiting{e.MessageBegan != 0, e.ReplyMoved != 0, e.Draining, e.Observed}
}

// Ahead returns how many bytes after b, come from side, may be passed on without being looked at: those that are known to
// follow of the message under way. It changes nothing.
func (s *Session) Ahead(r *Rules, side Side, b []byte) uint64 {
	if !r.Bounded {
		return math.MaxUint64
	}
	if len(b) == 0 {
		return s.Flows[side].Parse.Ahead()
	}
	got, after := s.tryScan(r, side, b)
	if got.Broke != Open {
		return 0
	}
	return after.Ahead()
}

// tryScan finds the messages in b, come from side, and changes nothing. (The state is put back, since a copy that is
// scanned would be allocated.)
func (s *Session) tryScan(r *Rules, side Side, b []byte) (got Receipt, after protocol.State) {
	parse := &s.Flows[side].Parse
	before := *parse
	got = scan(r.Framers[side], parse, b)
	after, *parse = *parse, before
	return got, after
}

// skip takes note of n bytes that were not looked at, and returns how many messages they completed.
func (r *Rules) skip(parse *protocol.State, n uint64) uint64 {
	if !r.Bounded || parse.Skip(n) == protocol.Message {
		return 1
	}
	return 0
}

// Sound returns how much of b, come from side, could be passed on, and changes nothing.
func (s *Session) Sound(r *Rules, side Side, b []byte) (int, Reason) {
	got, _ := s.tryScan(r, side, b)
	return got.Sound, got.Broke
}

// scan finds the messages in b.
func scan(f protocol.Framer, parse *protocol.State, b []byte) (got Receipt) {
	for got.Sound < len(b) {
		n, event := f.Scan(parse, b[got.Sound:])
		got.Sound += n
		switch event {
		case protocol.Message:
			got.Messages++
		case protocol.Violation:
			got.Broke = ProtocolError
			return got
		case protocol.TooLarge:
			got.Broke = MessageTooLarge
			return got
		}
	}
	return got
}

// clientSpoke notes complete messages of the client.
func (s *Session) clientSpoke(got *Receipt, now deadline.Instant) {
	silence := now.Since(s.LastMessage)
	s.Silence = max(s.Silence, silence)
	s.LastMessage = now
	got.Gaps = got.Messages
	if s.Events.FirstMessage {
		got.Gap = silence
		return
	}
	s.Events.FirstMessage = true
	got.Gaps--
}

// clientMessage notes whether the client has begun a message that it has not finished.
func (s *Session) clientMessage(got Receipt, now deadline.Instant) (begun bool) {
	if s.Flows[Client].Parse.AtBoundary() {
		s.Events.MessageBegan = 0
		return false
	}
	if s.Events.MessageBegan != 0 && got.Messages == 0 {
		return false
	}
	s.Events.MessageBegan = s.Events.Attended(now)
	s.started(deadline.Message)
	return true
}

// upstreamMessage notes whether a message to the client is under way.
func (s *Session) upstreamMessage(r *Rules, got Receipt, now deadline.Instant) {
	if got.Messages > 0 {
		s.serverSpoke(got, now)
		s.replyEnded(r, now)
	}
	if !s.Flows[Upstream].Parse.AtBoundary() {
		s.replyMoves(s.Events.Attended(now), now)
	}
}

// serverSpoke notes the first message of a server that speaks first.
func (s *Session) serverSpoke(got Receipt, now deadline.Instant) {
	if s.Flows[Upstream].Messages == got.Messages && s.Flows[Client].Bytes == 0 {
		s.Events.Greeted = s.Events.Attended(now)
		s.started(deadline.FirstMessage)
	}
}

// replyEnded notes that all of the message to the client that was under way has been passed on, unless some of it is still
// held. If idle_timeout has waited for it, the end is not before the client has acknowledged what its kernel holds.
func (s *Session) replyEnded(r *Rules, now deadline.Instant) {
	switch e := &s.Events; {
	case e.ReplyMoved == 0 || e.Draining || e.ClientWaits.Moved != 0:
	case s.IdleWaits(r, now):
		e.ReplyDrains(e.DrainMark, now, 0)
	default:
		s.replyOver(r, now)
	}
}

// replyOver ends the message to the client that was under way. If idle_timeout had waited for it, that now counts from
// there.
func (s *Session) replyOver(r *Rules, end deadline.Instant) {
	e := &s.Events
	watched := s.watched()
	e.ReplyEnds(r.Enforced[deadline.IdleTimeout], end)
	if e.IdleFrom == e.Replied {
		s.spared = s.spared.Without(deadline.IdleTimeout)
	}
	if r.DryRun && !e.Observed.Has(deadline.IdleTimeout) {
		watched.ReplyEnds(r.Observed[deadline.IdleTimeout], end)
		s.observedIdleFrom = watched.IdleFrom
	}
}

// halfOpenMoved restarts half_close_timeout if side is the one that is still open.
func (s *Session) halfOpenMoved(side Side, now deadline.Instant) {
	if s.Events.HalfClosed != 0 && !s.Flows[side].FIN {
		s.Events.HalfClosed = now
		s.started(deadline.HalfClose)
	}
}

// waits returns what is known of the bytes that wait for side.
func (s *Session) waits(side Side) *deadline.Wait {
	if side == Client {
		return &s.Events.ClientWaits
	}
	return &s.Events.UpstreamWaits
}

func writeTimer(side Side) deadline.Timer {
	if side == Client {
		return deadline.ClientWrite
	}
	return deadline.UpstreamWrite
}

// Held notes that side does not take bytes that wait for it.
func (s *Session) Held(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Moved == 0 {
		*w = deadline.Wait{Moved: now, Looked: now}
		s.started(writeTimer(side))
	}
	if side == Client {
		s.replyMoves(s.Events.Attended(now), now)
	}
}

// Moved notes that side's kernel has acknowledged some of the bytes that wait for it.
func (s *Session) Moved(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Moved != 0 {
		*w = deadline.Wait{Moved: now, Looked: now}
		s.spared = s.spared.Without(writeTimer(side))
	}
	if side == Client && s.Events.ReplyMoved != 0 {
		s.Events.ReplyMoved = now
	}
	s.halfOpenMoved(side.Other(), now)
}

// Looked notes that a look found nothing acknowledged.
func (s *Session) Looked(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Moved != 0 {
		w.Looked = now
	}
}

// Taken notes that side has taken all that waited for it.
func (s *Session) Taken(r *Rules, side Side, now deadline.Instant) {
	s.Moved(side, now)
	*s.waits(side) = deadline.Wait{}
	if side == Client && s.Flows[Upstream].Parse.AtBoundary() {
		s.replyEnded(r, now)
	}
}

// Draining notes that the kernel still holds bytes for the client, which has acknowledged nothing for lastAck: a message is
// under way, whether or not we hold something of it. mark grows as bytes are acknowledged.
func (s *Session) Draining(mark uint32, lastAck time.Duration, now deadline.Instant) {
	e := &s.Events
	if e.ReplyMoved == 0 { // what is seen for the first time began to wait when the upstream spoke last, if not before
		began := e.Spoke[Upstream]
		s.replyMoves(began, now)
		e.ReplyMoved = min(now, e.Unattended(began))
	}
	s.acknowledged(mark, lastAck, now)
	if s.Flows[Upstream].Parse.AtBoundary() && e.ClientWaits.Moved == 0 {
		e.ReplyDrains(mark, e.ReplyMoved, now)
	}
}

// Drained notes that the kernel holds nothing for the client any more, which has acknowledged nothing for lastAck. What the
// last look found was acknowledged after it.
func (s *Session) Drained(r *Rules, mark uint32, lastAck time.Duration, now deadline.Instant) {
	switch e := &s.Events; {
	case e.Draining:
		s.replyOver(r, min(now, max(now.After(-lastAck), e.ReplyMoved, e.ClientWaits.Looked)))
	case e.ReplyMoved != 0:
		s.acknowledged(mark, lastAck, now)
	}
}

// acknowledged finds out when bytes of the message to the client moved last. A client acknowledges more than bytes, so its last
// acknowledgement counts only if there were bytes since the last look, or that was none.
func (s *Session) acknowledged(mark uint32, lastAck time.Duration, now deadline.Instant) {
	e := &s.Events
	if e.DrainMark == 0 || int32(mark-e.DrainMark) > 0 {
		e.ReplyMoved = max(e.ReplyMoved, now.After(-lastAck))
	}
	e.DrainMark = mark
}
