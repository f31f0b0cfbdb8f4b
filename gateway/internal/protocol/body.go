package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// What the bodies of the general framings are, for heartbeats.

func (f *fixed) match(b, body []byte) (int, matching) { return compare(b, body) }

func (f *fixed) frame(dst, _, body []byte) []byte { return append(dst, body...) }

func (f *fixed) checkBody(body []byte) error {
	if uint64(len(body)) != f.size {
		return errors.New("it has " + strconv.Itoa(len(body)) + " bytes where every message has " + strconv.FormatUint(f.size, 10))
	}
	return nil
}

func (f *delimiter) match(b, body []byte) (int, matching) {
	n, m := compare(b, body)
	if m != equals {
		return n, m
	}
	end, m := compare(b[n:], f.delim)
	if m != equals {
		return 0, m
	}
	return n + end, equals
}

func (f *delimiter) frame(dst, _, body []byte) []byte {
	return append(append(dst, body...), f.delim...)
}

// checkBody wants the delimiter to be complete at the end of the message for the first time.
func (f *delimiter) checkBody(body []byte) error {
	if bytes.Index(f.frame(nil, nil, body), f.delim) < len(body) {
		return errors.New("it contains the delimiter, or begins it")
	}
	return nil
}

func (f *varint) match(b, body []byte) (int, matching) {
	value, n := binary.Uvarint(b[:min(len(b), varintBytes)])
	switch {
	case n == 0 && len(b) < varintBytes:
		return 0, agrees
	case n <= 0 || value != uint64(len(body)):
		return 0, differs
	}
	end, m := compare(b[n:], body)
	if m != equals {
		return 0, m
	}
	return n + end, equals
}

func (f *varint) frame(dst, _, body []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(body))), body...)
}

func (f *varint) checkBody([]byte) error { return nil }

// gap is how many bytes lie between the length field and the body.
func (f *lengthField) gap() int { return int(max(0, f.Adjustment)) }

func (f *lengthField) match(b, body []byte) (int, matching) {
	if n, m := compare(b, f.Magic); m != equals {
		return n, m
	}
	if len(b) < f.header {
		return 0, agrees
	}
	start := f.header + f.gap()
	if rest, fault := f.rest(f.value(b[f.Offset:f.header])); fault != NoFault || rest != uint64(f.gap()+len(body)) {
		return 0, differs
	}
	if len(b) < start {
		return 0, agrees
	}
	end, m := compare(b[start:], body)
	if m != equals {
		return 0, m
	}
	return start + end, equals
}

func (f *lengthField) frame(dst, like, body []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, f.header+f.gap())...)
	header := dst[start:]
	copy(header, f.Magic)
	if like != nil {
		copy(header, like)
	}
	f.put(header[f.Offset:f.header], uint64(int64(f.gap()+len(body))-f.Adjustment))
	return append(dst, body...)
}

// put writes the length field.
func (f *lengthField) put(field []byte, value uint64) {
	for i := range field {
		field[i] = byte(value >> (8 * i))
	}
	if !f.LittleEndian {
		slices.Reverse(field)
	}
}

func (f *lengthField) checkBody(body []byte) error {
	if f.Adjustment > MaxAgain {
		return errors.New("adjustment is more than " + strconv.Itoa(MaxAgain) + ", so that it is never whole in memory")
	}
	value := int64(f.gap()+len(body)) - f.Adjustment
	if f.Size < 8 && value >= 1<<(8*f.Size) {
		return errors.New("its length " + strconv.FormatInt(value, 10) + " does not fit in a length field of " + strconv.Itoa(f.Size) + " bytes")
	}
	return nil
}
