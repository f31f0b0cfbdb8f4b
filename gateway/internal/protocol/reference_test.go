package protocol

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
)

// verdict is all that is to be found in a stream, as told by a reference: a second implementation of each protocol, which
// has the whole stream before it and goes from the rule and not from states.
type verdict struct {
	messages []message // in order; the last may end beyond the stream, and is missing if its end is not known
	fault    Event     // after them: None if there is none
	faultAt  int       // the index of the byte that shows it
}

// message is where one message lies. The next one begins where it ends.
type message struct {
	known int    // bytes of the stream after which its end is known
	rest  uint64 // bytes that follow these
}

// end returns the length of the stream up to the end of the message, false if that is more than size.
func (m message) end(size int) (int, bool) {
	if m.known > size || m.rest > uint64(size-m.known) {
		return 0, false
	}
	return m.known + int(m.rest), true
}

// reference finds one message at the start of a stream. None means that the stream ends before anything is certain;
// at a fault, known is the count of bytes up to the one that shows it.
type reference func(stream []byte) (message, Event)

// split finds all messages of a stream.
func (next reference) split(stream []byte) verdict {
	var v verdict
	for start := 0; start < len(stream); {
		m, event := next(stream[start:])
		m.known += start
		if event == None {
			break
		}
		if event != Message {
			v.fault, v.faultAt = event, m.known-1
			break
		}
		v.messages = append(v.messages, m)
		end, ok := m.end(len(stream))
		if !ok {
			break
		}
		start = end
	}
	return v
}

func exceeds(total *big.Int, limit uint64) bool {
	return limit != 0 && total.Cmp(new(big.Int).SetUint64(limit)) > 0
}

func referenceFixed(size, limit uint64) reference {
	return func([]byte) (message, Event) {
		if limit != 0 && size > limit {
			return message{known: 1}, TooLarge
		}
		return message{known: 1, rest: size - 1}, Message
	}
}

// referenceVarint tries each longer beginning of the stream, and where another byte must follow takes the least, 0.
func referenceVarint(limit uint64) reference {
	return func(stream []byte) (message, Event) {
		for known := 1; known <= len(stream); known++ {
			header := slices.Clone(stream[:known])
			whole := header[known-1] < 0x80
			if !whole {
				header = append(header, 0)
			}
			value, n := binary.Uvarint(header)
			if n != len(header) || n > 5 || value > math.MaxUint32 {
				return message{known: known}, Violation
			}
			if limit != 0 && uint64(n)+value > limit {
				return message{known: known}, TooLarge
			}
			if whole {
				return message{known: known, rest: value}, Message
			}
		}
		return message{}, None
	}
}

// referenceLengthField is Netty's algorithm, in numbers without bounds.
func referenceLengthField(c LengthField) reference {
	header := c.Offset + c.Size
	return func(stream []byte) (message, Event) {
		for i := range min(len(c.Magic), len(stream)) {
			if stream[i] != c.Magic[i] {
				return message{known: i + 1}, Violation
			}
		}
		if len(stream) < header {
			return message{}, None
		}
		field := slices.Clone(stream[c.Offset:header])
		if c.LittleEndian {
			slices.Reverse(field)
		}
		value := new(big.Int).SetBytes(field)
		if value.Cmp(big.NewInt(math.MaxInt64)) > 0 {
			return message{known: header}, Violation
		}
		total := new(big.Int).Add(value, big.NewInt(c.Adjustment))
		total.Add(total, big.NewInt(int64(header)))
		rest := new(big.Int).Sub(total, big.NewInt(int64(header)))
		if rest.Sign() < 0 {
			return message{known: header}, Violation
		}
		if exceeds(total, c.Limit) {
			return message{known: header}, TooLarge
		}
		return message{known: header, rest: rest.Uint64()}, Message
	}
}

// referenceDelimiter looks at each longer beginning of the stream.
func referenceDelimiter(delim []byte, limit uint64) reference {
	return func(stream []byte) (message, Event) {
		for known := 1; known <= len(stream); known++ {
			if limit != 0 && uint64(known) > limit {
				return message{known: known}, TooLarge
			}
			if bytes.HasSuffix(stream[:known], delim) {
				return message{known: known}, Message
			}
		}
		return message{}, None
	}
}
