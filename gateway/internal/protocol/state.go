package protocol

import "math"

// State is where one direction of a session stands in its stream. The zero State is the start of a stream. It is plain
// data, to be copied, written down and taken up again elsewhere under a Framer made alike.
type State struct {
	n     uint64 // endKnown and inPart: bytes that follow, at least 1; endUnknown: what the protocol keeps there
	more  uint64 // what the protocol keeps there
	pos   uint32 // endKnown: 0; otherwise what the protocol keeps there
	phase phase
	fault Fault // why the stream ends here; it is used no more
	stage uint8 // of the conversation, in a protocol that has stages
	kind  uint8 // of the message under way, in a protocol that has kinds
}

// phase says how much is known about the message under way.
type phase uint8

const (
	between    phase = iota // no message has begun; n is 0. Left with a message's first byte
	endUnknown              // one has, its end is not known. Left with the header's last byte, or the message's
	endKnown                // it ends after n more bytes. Left with the last of them
	inPart                  // n more bytes of it need no look; what follows them does. Left with the last of them
)

// AtBoundary reports whether no message has begun.
func (s *State) AtBoundary() bool { return s.phase == between }

// Ahead returns how many bytes of the message under way are known to follow, all of which may be passed on unread: its
// body or the rest of it. It is 0 where that is not known, and at a boundary.
func (s *State) Ahead() uint64 {
	if s.phase != endKnown && s.phase != inPart {
		return 0
	}
	return s.n
}

// Skip takes note that the next n bytes of the stream, Ahead at most, were passed on without being scanned. It returns
// Message if they completed the message under way, else None. To skip more than is known to follow would lose the
// boundaries for good; it panics.
func (s *State) Skip(n uint64) Event {
	if n > s.Ahead() {
		panic("protocol: skip of more bytes than are known to follow")
	}
	if n == 0 {
		return None
	}
	s.n -= n
	if s.n > 0 {
		return None
	}
	if s.phase == inPart {
		s.phase = endUnknown
		return None
	}
	s.next()
	return Message
}

// next goes to the boundary after the message that is complete.
func (s *State) next() { s.n, s.pos, s.phase = 0, 0, between }

// pass notes that n more bytes of the message under way need no look, and that it goes on after them. After 0 bytes the caller goes
// on at once: the phase inPart is not left standing without any.
func (s *State) pass(n uint64) { s.n, s.phase = n, inPart }

// goOn notes that the message under way ends after n more bytes, at least 1.
func (s *State) goOn(n uint64) { s.n, s.pos, s.phase = n, 0, endKnown }

// finish reads on to the end of a message of which rest bytes follow after b[:n].
func (s *State) finish(rest uint64, b []byte, n int) (int, Event) {
	if here := uint64(len(b) - n); rest > here {
		s.goOn(rest - here)
		return len(b), None
	}
	s.next()
	return n + int(rest), Message
}

// orNone turns the limit 0, which is none, into one that no stream of bytes counted in 64 bits exceeds.
func orNone(limit uint64) uint64 {
	if limit == 0 {
		return math.MaxUint64
	}
	return limit
}
