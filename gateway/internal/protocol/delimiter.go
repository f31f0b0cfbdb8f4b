package protocol

import (
	"bytes"
	"errors"
)

// Delimiter: a message ends with certain bytes.
//
//	+-----------------+-----------+-----------+-----------+----
//	| anything        | delimiter | anything  | delimiter | ...
//	+-----------------+-----------+-----------+-----------+----
//
// The delimiter may be any bytes and may overlap itself; the first that is complete ends the message, and the next one is
// looked for after it. In the phase endUnknown State keeps the message's bytes so far in n, and in pos how many bytes of
// the delimiter they end with.
type delimiter struct {
	delim []byte
	limit uint64
	fail  []int // fail[i]: the longest beginning of delim that ends delim[:i+1] and is shorter (Knuth, Morris, Pratt)
}

// NewDelimiter returns the Framer of messages that end with delim, at least a byte. The limit bounds a message with its
// delimiter.
func NewDelimiter(delim []byte, limit uint64) (Framer, error) {
	if len(delim) == 0 {
		return nil, errors.New("delimiter is empty: must have a byte at least")
	}
	f := &delimiter{delim: bytes.Clone(delim), limit: orNone(limit), fail: make([]int, len(delim))}
	matched := 0
	for i := 1; i < len(delim); i++ {
		matched = f.step(matched, delim[i])
		f.fail[i] = matched
	}
	return f, nil
}

func (f *delimiter) Limited(limit uint64) Framer {
	other := *f
	other.limit = orNone(limit)
	return &other
}

func (f *delimiter) Scan(s *State, b []byte) (int, Event) {
	window := b // the bytes within the limit
	if room := f.limit - min(s.n, f.limit); uint64(len(b)) > room {
		window = b[:room]
	}
	n, matched := f.find(int(s.pos), window)
	switch {
	case matched == len(f.delim):
		s.next()
		return n, Message
	case len(window) < len(b):
		return s.breaks(FaultTooLarge)
	case len(b) > 0:
		s.n, s.pos, s.phase = s.n+uint64(len(b)), uint32(matched), endUnknown
	}
	return len(b), None
}

// find looks for the end of the first delimiter in b, of which matched bytes were there before b. It returns how far it
// looked and how many bytes of the delimiter stand there: all of them at b[:n], or as many as b ends with.
func (f *delimiter) find(matched int, b []byte) (n, now int) {
	for matched > n { // what may be the delimiter began before b
		if n == len(b) {
			return n, matched
		}
		matched = f.step(matched, b[n])
		n++
		if matched == len(f.delim) {
			return n, matched
		}
	}
	n -= matched
	if i := bytes.Index(b[n:], f.delim); i >= 0 {
		return n + i + len(f.delim), len(f.delim)
	}
	n, matched = max(n, len(b)-len(f.delim)+1), 0
	for _, c := range b[n:] {
		matched = f.step(matched, c)
	}
	return len(b), matched
}

// step returns how many bytes of the delimiter the stream ends with after c, if it were matched before, not all.
func (f *delimiter) step(matched int, c byte) int {
	for matched > 0 && f.delim[matched] != c {
		matched = f.fail[matched-1]
	}
	if f.delim[matched] == c {
		matched++
	}
	return matched
}
