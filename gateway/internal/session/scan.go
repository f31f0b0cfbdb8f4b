package session

import (
	"math"

	"idlegate/gateway/internal/protocol"
)

// bounded reports whether the connection has messages, so that there are boundaries between them.
func (s *Session) bounded(r *Rules) bool { return r.Bounded && !s.Talk.Opaque() }

// atBoundary reports whether no message has begun in a direction.
func (s *Session) atBoundary(from protocol.Direction) bool { return s.Talk.AtBoundary(from) }

// Ahead returns how many bytes after b, of that direction, may be passed on without being looked at: those that are known to
// follow of the message under way. It changes nothing.
func (s *Session) Ahead(r *Rules, from protocol.Direction, b []byte) uint64 {
	if !s.bounded(r) {
		return math.MaxUint64
	}
	if len(b) == 0 {
		return s.Talk.Ahead(from)
	}
	got, after := s.tryScan(r, from, b)
	if got.Pass < len(b) || got.Again > 0 || got.Broke != Open {
		return 0
	}
	return after.Ahead(from)
}

// tryScan finds the messages in b, of that direction, and changes nothing. (The state is put back, since a copy that is
// scanned would be allocated.)
func (s *Session) tryScan(r *Rules, from protocol.Direction, b []byte) (got Receipt, after protocol.Dialogue) {
	before := s.Talk
	got = s.scan(r, from, b)
	after, s.Talk = s.Talk, before
	return got, after
}

// skip notes n bytes that were not looked at.
func (s *Session) skip(r *Rules, from protocol.Direction, n uint64, got *Receipt) {
	if !s.bounded(r) {
		got.Messages++
		return
	}
	switch r.Protocol.Skip(&s.Talk, from, n) {
	case protocol.Message:
		got.Messages++
		got.ended = true
	case protocol.Heartbeat:
		got.Messages++
		got.Heartbeats++
		got.ended = true
	}
}

// Look returns what Received would say of the messages in b, of that direction, and changes nothing.
func (s *Session) Look(r *Rules, from protocol.Direction, b []byte) Receipt {
	got, _ := s.tryScan(r, from, b)
	return got
}

// scan finds the messages in b, as far as they have one fate.
func (s *Session) scan(r *Rules, from protocol.Direction, b []byte) (got Receipt) {
	for got.Pass < len(b) {
		if s.Talk.Opaque() {
			got.Messages++
			got.Pass = len(b)
			return got
		}
		n, event := r.Protocol.Scan(&s.Talk, from, b[got.Pass:])
		switch event {
		case protocol.Message:
			got.Messages++
			got.ended = true
		case protocol.Heartbeat:
			got.Messages++
			got.Heartbeats++
			got.ended = got.ended || s.atBoundary(from) // else it stood between the parts of a message
		case protocol.Answer, protocol.ProbeAnswer:
			got.Messages++
			got.Heartbeats++
			got.ended = got.ended || s.atBoundary(from)
			got.Swallow, got.Answers = n, event == protocol.Answer
			return got
		case protocol.Withhold:
			got.Again = len(b) - got.Pass
			return got
		case protocol.Partial:
			got.Again, got.Pass = len(b)-got.Pass, len(b)
			return got
		case protocol.Violation:
			got.Broke, got.Fault = ProtocolError, s.Talk.Fault(from)
			return got
		case protocol.TooLarge:
			got.Broke, got.Fault = MessageTooLarge, s.Talk.Fault(from)
			return got
		}
		got.Pass += n
		if got.Opaque = s.Talk.Opaque(); got.Opaque && r.OpaqueEnds {
			got.Broke, got.Fault = ProtocolError, protocol.FaultOpaque
			return got
		}
	}
	return got
}
