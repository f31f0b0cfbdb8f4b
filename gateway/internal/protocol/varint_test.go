package protocol

import (
	"math"
	"strings"
	"testing"
)

func TestVarint(t *testing.T) {
	b127, b128 := strings.Repeat("x", 127), strings.Repeat("y", 128)
	tests := []struct {
		name   string
		limit  uint64
		stream string
		ends   []int
		fault  Event
	}{
		{"a body of none is a message", 0, "\x00\x00", []int{1, 2}, None},
		{"one byte of length: up to 127", 0, "\x7f" + b127 + "\x01a", []int{128, 130}, None},
		{"two bytes of length: from 128", 0, "\x80\x01" + b128 + "\x01a", []int{130, 132}, None},
		{"more length bytes than needed are sound", 0, "\x81\x80\x80\x80\x00a\x00", []int{6, 7}, None},
		{"a length that is cut is no message", 0, "\x00\x80", []int{1}, None},
		{"2^32-1 is sound", 0, "\xff\xff\xff\xff\x0f", nil, None},
		{"2^32 is a violation", 0, "\x80\x80\x80\x80\x10", nil, Violation},
		{"a sixth byte is a violation with the fifth", 0, "\x80\x80\x80\x80\x80", nil, Violation},
		{"a violation after a message", 0, "\x01a\xff\xff\xff\xff\x1f", []int{2}, Violation},
		{"the limit bounds length and body: exactly", 4, "\x03abc", []int{4}, None},
		{"the limit bounds length and body: one more", 4, "\x04", nil, TooLarge},
		{"length bytes count, needed or not", 4, "\x82\x80", nil, TooLarge},
		{"low digits alone may show it", 100, "\xff", nil, TooLarge},
		{"the second message may be too large", 4, "\x01a\x7f", []int{2}, TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check(t, NewVarint(tt.limit), tt.stream, tt.ends, tt.fault) })
	}
}

func TestVarintOf32BitsIsAhead(t *testing.T) {
	var s State
	NewVarint(0).Scan(&s, []byte("\xff\xff\xff\xff\x0fabc"))
	if got := s.Ahead(); got != math.MaxUint32-3 {
		t.Errorf("Ahead() = %d, want 2^32-1 less the three bytes read", got)
	}
}
