package protocol

import (
	"math"
	"strings"
	"testing"
)

func TestLengthField(t *testing.T) {
	headers := LengthField{Magic: []byte("Headers"), Offset: 7, Size: 4}
	limited := LengthField{Size: 2, Limit: 5}
	tests := []struct {
		name   string
		config LengthField
		stream string
		ends   []int
		fault  Event
	}{
		// The recipes of Netty's documentation.
		{"the length counts the body", LengthField{Size: 2}, "\x00\x0cHELLO, WORLD", []int{14}, None},
		{"the length counts itself too", LengthField{Size: 2, Adjustment: -2}, "\x00\x0eHELLO, WORLD", []int{14}, None},
		{"a header before the length", LengthField{Offset: 2, Size: 3}, "\xca\xfe\x00\x00\x0cHELLO, WORLD", []int{17}, None},
		{"a header after the length", LengthField{Size: 3, Adjustment: 2}, "\x00\x00\x0c\xca\xfeHELLO, WORLD", []int{17}, None},
		{"headers on both sides", LengthField{Offset: 1, Size: 2, Adjustment: 1}, "\xca\x00\x0c\xfeHELLO, WORLD", []int{16}, None},
		{"the length counts all, headers on both sides", LengthField{Offset: 1, Size: 2, Adjustment: -3}, "\xca\x00\x10\xfeHELLO, WORLD", []int{16}, None},

		{"one byte", LengthField{Size: 1}, "\x01a\xff" + strings.Repeat("b", 255), []int{2, 258}, None},
		{"two bytes, the high one first", LengthField{Size: 2}, "\x01\x02" + strings.Repeat("a", 258), []int{260}, None},
		{"two bytes, the low one first", LengthField{Size: 2, LittleEndian: true}, "\x02\x01" + strings.Repeat("a", 258), []int{260}, None},
		{"three bytes, the low one first", LengthField{Size: 3, LittleEndian: true}, "\x02\x01\x00" + strings.Repeat("a", 258), []int{261}, None},
		{"four bytes: above 2^31 is large, not negative", LengthField{Size: 4}, "\xff\xff\xff\xff", nil, None},
		{"eight bytes", LengthField{Size: 8}, "\x00\x00\x00\x00\x00\x00\x00\x01a", []int{9}, None},
		{"eight bytes, the low one first", LengthField{Size: 8, LittleEndian: true}, "\x01\x00\x00\x00\x00\x00\x00\x00a", []int{9}, None},

		{"a body of none is a message", LengthField{Size: 1}, "\x00\x00", []int{1, 2}, None},
		{"a body that is cut is no message", LengthField{Size: 1}, "\x00\x02a", []int{1}, None},
		{"a total that ends with the header is sound", LengthField{Size: 2, Adjustment: -2}, "\x00\x02", []int{2}, None},
		{"a total inside the header is a violation", LengthField{Size: 2, Adjustment: -2}, "\x00\x01", nil, Violation},
		{"a violation after a message", LengthField{Size: 1, Adjustment: -1}, "\x02a\x00", []int{2}, Violation},

		{"the largest value is sound without a limit", LengthField{Size: 8}, "\x7f\xff\xff\xff\xff\xff\xff\xff", nil, None},
		{"the top bit of eight bytes is a violation", LengthField{Size: 8}, "\x80\x00\x00\x00\x00\x00\x00\x00", nil, Violation},
		{"even if the adjustment would make it small", LengthField{Size: 8, Adjustment: math.MinInt64}, "\x80\x00\x00\x00\x00\x00\x00\x00", nil, Violation},
		{"the least adjustment leaves no sound value", LengthField{Size: 8, Adjustment: math.MinInt64}, "\x7f\xff\xff\xff\xff\xff\xff\xff", nil, Violation},
		{"but one of one more does", LengthField{Size: 8, Adjustment: -math.MaxInt64}, "\x7f\xff\xff\xff\xff\xff\xff\xff", []int{8}, None},
		{"a total beyond 2^64 is sound without a limit", LengthField{Size: 8, Adjustment: math.MaxInt64}, "\x7f\xff\xff\xff\xff\xff\xff\xff", nil, None},
		{"and too large with any", LengthField{Size: 8, Adjustment: math.MaxInt64, Limit: math.MaxUint64 - 1}, "\x7f\xff\xff\xff\xff\xff\xff\xff", nil, TooLarge},

		{"exactly the limit is fine", limited, "\x00\x03abc\x00\x03abc", []int{5, 10}, None},
		{"a byte more is too large with the header", limited, "\x00\x04", nil, TooLarge},
		{"the second message may be too large", limited, "\x00\x00\xff\xff", []int{2}, TooLarge},
		{"a limit below the header leaves no message", LengthField{Size: 2, Limit: 1}, "\x00\x00", nil, TooLarge},
		{"too small is a violation, whatever the limit", LengthField{Size: 2, Adjustment: -9, Limit: 1}, "\x00\x00", nil, Violation},

		{"magic, length, body", headers, "Headers\x00\x00\x00\x03abcHeaders\x00\x00\x00\x00", []int{14, 25}, None},
		{"magic wrong at its first byte", headers, "h", nil, Violation},
		{"magic wrong at its last byte", headers, "HeaderS", nil, Violation},
		{"magic wrong in the second message", headers, "Headers\x00\x00\x00\x00Hex", []int{11}, Violation},
		{"what lies between magic and length is free", LengthField{Magic: []byte("M"), Offset: 3, Size: 1}, "M\xff\x00\x01aMMM\x00", []int{5, 9}, None},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, lengthFieldRule(t, tt.name, tt.config).framer, tt.stream, tt.ends, tt.fault)
		})
	}
}

func TestMagicWrongAtAnyByte(t *testing.T) {
	magic := "Headers"
	f := lengthFieldRule(t, "", LengthField{Magic: []byte(magic), Offset: 7, Size: 4}).framer
	for i := range magic {
		stream := []byte(magic[:i+1])
		stream[i] ^= 0x20
		check(t, f, string(stream), nil, Violation)
		var s State
		whole := append(stream, magic[i+1:]+"\x00\x00\x00\x01a"...)
		if n, event := f.Scan(&s, whole); n != 0 || event != Violation {
			t.Errorf("wrong at byte %d, in one read: %d, %s", i, n, event)
		}
	}
}

func TestMagicIsCopied(t *testing.T) {
	magic := []byte("M")
	r := lengthFieldRule(t, "", LengthField{Magic: magic, Offset: 1, Size: 1})
	magic[0] = 'x'
	check(t, r.framer, "M\x01a", []int{3}, None)
}

func TestNewLengthFieldRefuses(t *testing.T) {
	tests := []struct {
		name   string
		config LengthField
	}{
		{"no size", LengthField{}},
		{"a size of 5", LengthField{Size: 5}},
		{"a size beyond 8", LengthField{Size: 16}},
		{"a negative offset", LengthField{Offset: -1, Size: 4}},
		{"an offset beyond 2 GiB", LengthField{Offset: math.MaxInt32, Size: 4}},
		{"magic in the length field", LengthField{Magic: []byte("abc"), Offset: 2, Size: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewLengthField(tt.config); err == nil {
				t.Error("no error")
			}
		})
	}
}
