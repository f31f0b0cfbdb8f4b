package protocol

import "errors"

// Fixed: every message has the same size.
//
//	+------------+------------+----
//	| size bytes | size bytes | ...
//	+------------+------------+----
//
// The first byte tells the end, so that State has the phases between and endKnown only.
type fixed struct {
	size  uint64
	limit uint64
}

// NewFixed returns the Framer of messages of size bytes, at least 1. Where limit is less than that, and not 0, every
// message is too large.
func NewFixed(size, limit uint64) (Framer, error) {
	if size == 0 {
		return nil, errors.New("fixed size is 0: must be more")
	}
	return &fixed{size: size, limit: orNone(limit)}, nil
}

func (f *fixed) Limited(limit uint64) Framer { return &fixed{size: f.size, limit: orNone(limit)} }

func (f *fixed) Scan(s *State, b []byte) (int, Event) {
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == endKnown:
		return s.finish(s.n, b, 0)
	case f.size > f.limit:
		return s.breaks(FaultTooLarge)
	default:
		return s.finish(f.size, b, 0)
	}
}
