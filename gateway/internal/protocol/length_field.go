package protocol

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// LengthField describes messages whose header says how long they are, as Netty's LengthFieldBasedFrameDecoder reads
// them: a message has Offset + Size + value + Adjustment bytes.
type LengthField struct {
	Magic        []byte // stands at the start of every message; may be empty, ends where the length field begins at most
	Offset       int    // bytes before the length field
	Size         int    // bytes of the length field: 1, 2, 3, 4 or 8
	LittleEndian bool   // else the highest byte comes first
	Adjustment   int64  // bytes after the length field that the value does not count; negative: counted though they are none
	Limit        uint64 // bytes of a whole message, 0: none
}

// The layout of a message.
//
//	0           len(Magic)    Offset        header                       total
//	+-----------+-------------+-------------+------------------------------+
//	| magic     | anything    | length      | body: value + Adjustment     |
//	+-----------+-------------+-------------+------------------------------+
//	                           Size bytes
//
// A header that is whole in one read is decoded in place. Otherwise, in the phase endUnknown, State keeps the value so far
// in n and the count of the header's bytes in pos.
type lengthField struct {
	LengthField
	header int // Offset + Size
}

// NewLengthField returns the Framer of such messages.
func NewLengthField(c LengthField) (Framer, error) {
	switch c.Size {
	case 1, 2, 3, 4, 8:
	default:
		return nil, errors.New("length field of " + strconv.Itoa(c.Size) + " bytes: must be 1, 2, 3, 4 or 8")
	}
	if last := math.MaxInt32 - c.Size; c.Offset < 0 || c.Offset > last {
		return nil, errors.New("offset of the length field is " + strconv.Itoa(c.Offset) + ": must be 0 to " + strconv.Itoa(last))
	}
	if len(c.Magic) > c.Offset {
		return nil, errors.New("magic reaches into the length field: the offset must be its length at least")
	}
	f := &lengthField{LengthField: c, header: c.Offset + c.Size}
	f.Magic = bytes.Clone(c.Magic)
	return f, nil
}

func (f *lengthField) Limited(limit uint64) Framer {
	other := *f
	other.Limit = limit
	return &other
}

func (f *lengthField) Scan(s *State, b []byte) (int, Event) {
	if s.phase == endKnown {
		return s.finish(s.n, b, 0)
	}
	if s.phase == endUnknown || len(b) < f.header {
		return f.scanPart(s, b)
	}
	if string(b[:len(f.Magic)]) != string(f.Magic) {
		return s.breaks(FaultMagic)
	}
	rest, fault := f.rest(f.value(b[f.Offset:f.header]))
	if fault != NoFault {
		return s.breaks(fault)
	}
	return s.finish(rest, b, f.header)
}

// scanPart is Scan where the header is cut: byte by byte, so that a wrong magic is found at the byte that is wrong.
func (f *lengthField) scanPart(s *State, b []byte) (int, Event) {
	for i, c := range b {
		pos := int(s.pos)
		switch {
		case pos < len(f.Magic):
			if c != f.Magic[pos] {
				return s.breaks(FaultMagic)
			}
		case pos < f.Offset:
		case f.LittleEndian:
			s.n |= uint64(c) << (8 * (pos - f.Offset))
		default:
			s.n = s.n<<8 | uint64(c)
		}
		s.phase = endUnknown
		s.pos++
		if pos+1 < f.header {
			continue
		}
		rest, fault := f.rest(s.n)
		if fault != NoFault {
			return s.breaks(fault)
		}
		return s.finish(rest, b, i+1)
	}
	return len(b), None
}

// value decodes the length field.
func (f *lengthField) value(field []byte) uint64 {
	value := uint64(0)
	if f.LittleEndian {
		for i := len(field) - 1; i >= 0; i-- {
			value = value<<8 | uint64(field[i])
		}
		return value
	}
	for _, c := range field {
		value = value<<8 | uint64(c)
	}
	return value
}

// rest returns how many bytes follow the header, value + Adjustment. A value of 2^63 or more is negative to Netty and so
// to us, which leaves room for any Adjustment: the sum is below 2^64, and only what is less than 0 must be looked for. The
// message's total could overflow, and is never formed.
func (f *lengthField) rest(value uint64) (uint64, Fault) {
	if value > math.MaxInt64 {
		return 0, FaultLengthNegative
	}
	if f.Adjustment < 0 && value < -uint64(f.Adjustment) {
		return 0, FaultLengthNegative
	}
	rest := value + uint64(f.Adjustment)
	if header := uint64(f.header); f.Limit != 0 && (header > f.Limit || rest > f.Limit-header) {
		return 0, FaultTooLarge
	}
	return rest, NoFault
}
