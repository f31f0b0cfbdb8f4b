package protocol

import (
	"math"
	"testing"
)

func TestFixed(t *testing.T) {
	tests := []struct {
		name        string
		size, limit uint64
		stream      string
		ends        []int
		fault       Event
	}{
		{"size 1: every byte is a message", 1, 0, "abc", []int{1, 2, 3}, None},
		{"a rest shorter than size is no message", 3, 0, "aaabbbcc", []int{3, 6}, None},
		{"a message of exactly the limit is fine", 3, 3, "aaa", []int{3}, None},
		{"a limit below size: too large with the first byte", 4, 3, "a", nil, TooLarge},
		{"the largest size there is", math.MaxUint64, 0, "a", nil, None},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, fixedRule(t, tt.size, tt.limit).framer, tt.stream, tt.ends, tt.fault)
		})
	}
}

func TestFixedRefusesSizeZero(t *testing.T) {
	if _, err := NewFixed(0, 0); err == nil {
		t.Error("no error")
	}
}
