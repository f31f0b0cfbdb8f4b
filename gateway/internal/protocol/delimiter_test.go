package protocol

import (
	"strings"
	"testing"
)

func TestDelimiter(t *testing.T) {
	tests := []struct {
		name   string
		delim  string
		limit  uint64
		stream string
		ends   []int
		fault  Event
	}{
		{"a message ends with its delimiter", "\n", 0, "one\ntwo\n", []int{4, 8}, None},
		{"a delimiter alone is a message", "\n", 0, "\n\n", []int{1, 2}, None},
		{"without the delimiter it is no message", "\n", 0, "one\ntwo", []int{4}, None},
		{"half a delimiter ends nothing", "\r\n", 0, "a\rb\nc\r\n", []int{7}, None},
		{"the delimiter may begin again inside itself", "aab", 0, "aaab", []int{4}, None},
		{"fall back more than once", "aabaaa", 0, "aabaabaabaaa", []int{12}, None},
		{"matches do not overlap", "aa", 0, "aaaaa", []int{2, 4}, None},
		{"the end of one is not the start of the next", "abab", 0, "ababab", []int{4}, None},
		{"blank lines", "\r\n\r\n", 0, "\r\n\r\r\n\r\n\r\n", []int{7}, None},
		{"any bytes", "\x00\xff", 0, "\x00\x00\xff\xff\x00\xff", []int{3, 6}, None},
		{"exactly the limit is fine", "\r\n", 5, "abc\r\nabc\r\n", []int{5, 10}, None},
		{"a byte more is too large, even the delimiter's last", "\r\n", 5, "abcd\r\n", nil, TooLarge},
		{"unfinished at the limit is not yet too large", "\r\n", 5, "abcd\r", nil, None},
		{"without a delimiter: too large with the byte beyond", "\r\n", 5, "abcdef", nil, TooLarge},
		{"each message has the limit to itself", "\n", 3, "a\nbb\nccc\n"[:8], []int{2, 5}, None},
		{"the third message may be too large", "\n", 3, "a\nbb\ncccc", []int{2, 5}, TooLarge},
		{"a limit below the delimiter leaves no message", "abc", 2, "abc", nil, TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check(t, delimiterRule(t, tt.delim, tt.limit).framer, tt.stream, tt.ends, tt.fault)
		})
	}
}

func TestDelimiterMayBeLong(t *testing.T) {
	delim := strings.Repeat("a", 300) + "b"
	check(t, delimiterRule(t, delim, 0).framer, "aa"+delim+delim, []int{303, 604}, None)
}

func TestDelimiterIsCopied(t *testing.T) {
	delim := []byte("\n")
	f, err := NewDelimiter(delim, 0)
	if err != nil {
		t.Fatal(err)
	}
	delim[0] = 'x'
	check(t, f, "axb\n", []int{4}, None)
}

func TestDelimiterRefusesNone(t *testing.T) {
	if _, err := NewDelimiter(nil, 0); err == nil {
		t.Error("no error")
	}
}
