package protocol

// Varint: the length of the body comes first, as a base 128 varint of protobuf, low digits first.
//
//	  byte 0     byte 1          byte 4
//	+---------+---------+-----+----------+------------+
//	| 1 low 7 | 1 next7 | ... | 0000 top4| body       |
//	+---------+---------+-----+----------+------------+
//	  ^ 1: another byte follows
//
// The value is 32 bits, hence at most 5 bytes, the fifth 0x0f at most. More bytes than the value needs are allowed, as in
// every decoder. In the phase endUnknown State keeps the value so far in n and the count of its bytes in pos.
type varint struct {
	limit uint64
}

const (
	varintBytes   = 5    // of a 32-bit value, at most
	varintLastMax = 0x0f // of the fifth and last: bits 28 to 31, and none to follow
)

// NewVarint returns the Framer of messages that begin with their body's length, as protobuf's delimited messages do. The
// limit bounds length and body together.
func NewVarint(limit uint64) Framer { return &varint{limit: orNone(limit)} }

func (f *varint) Limited(limit uint64) Framer { return NewVarint(limit) }

func (f *varint) Scan(s *State, b []byte) (int, Event) {
	if s.phase == endKnown {
		return s.finish(s.n, b, 0)
	}
	value, pos := s.n, s.pos
	for i, c := range b {
		if pos == varintBytes-1 && c > varintLastMax {
			return s.breaks(FaultVarint)
		}
		value |= uint64(c&0x7f) << (7 * pos)
		pos++
		more := uint64(c >> 7) // another byte at least
		if uint64(pos)+more+value > f.limit {
			return s.breaks(FaultTooLarge)
		}
		if more == 0 {
			return s.finish(value, b, i+1)
		}
	}
	if len(b) > 0 {
		s.n, s.pos, s.phase = value, pos, endUnknown
	}
	return len(b), None
}
