package protocol

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// The property of this file: cut anywhere, same messages. A stream gives the same messages, the same fault at the same
// byte and the same view of what is ahead, however it is cut into reads.

// small are the rules whose streams are enumerated: every stream over a few telling bytes, in every way of cutting it.
func small(t *testing.T) []struct {
	rule
	alphabet string
	length   int // of the longest streams
} {
	type row = struct {
		rule
		alphabet string
		length   int
	}
	rows := []row{
		{lengthFieldRule(t, "size 1", LengthField{Size: 1}), "\x00\x01\x03", 7},
		{lengthFieldRule(t, "size 1, length of all", LengthField{Size: 1, Adjustment: -1}), "\x00\x01\x02\x03", 6},
		{lengthFieldRule(t, "size 1, limit 3", LengthField{Size: 1, Limit: 3}), "\x00\x02\x03\xff", 6},
		{lengthFieldRule(t, "limit below the header", LengthField{Size: 2, Limit: 1}), "\x00\x01", 4},
		{lengthFieldRule(t, "magic", LengthField{Magic: []byte("ab"), Offset: 2, Size: 1}), "ab\x00\x01", 6},
		{lengthFieldRule(t, "magic, gap, adjustment", LengthField{Magic: []byte("a"), Offset: 2, Size: 1, Adjustment: 2}), "a\x00\x01", 7},
		{lengthFieldRule(t, "size 2, little endian", LengthField{Size: 2, LittleEndian: true}), "\x00\x01\x02", 7},
		{lengthFieldRule(t, "size 3", LengthField{Size: 3}), "\x00\x02", 8},
		{varintRule(0), "\x00\x01\x80\xff", 6},
		{varintRule(4), "\x00\x01\x03\x80\x82", 6},
		{varintRule(1), "\x00\x01\x80", 4},
	}
	for _, size := range []uint64{1, 2, 3, 5} {
		rows = append(rows, row{fixedRule(t, size, 0), "a", 12}, row{fixedRule(t, size, 3), "a", 12})
	}
	for _, delim := range []string{"a", "ab", "aa", "aab", "aba", "abab", "aabaaa"} {
		for _, limit := range []uint64{0, 1, 3, 5} {
			rows = append(rows, row{delimiterRule(t, delim, limit), "ab", 8})
		}
	}
	return rows
}

func TestCutAnywhereSameMessages(t *testing.T) {
	for _, row := range small(t) {
		t.Run(row.name, func(t *testing.T) {
			for length := 1; length <= row.length; length++ {
				stream := make([]byte, length)
				eachStream(stream, row.alphabet, func() { eachCut(t, row.rule, stream) })
			}
		})
	}
}

// eachStream calls do with every stream of len(stream) bytes of the alphabet.
func eachStream(stream []byte, alphabet string, do func()) {
	digits := make([]int, len(stream))
	for {
		for i, d := range digits {
			stream[i] = alphabet[d]
		}
		do()
		i := 0
		for ; i < len(digits) && digits[i] == len(alphabet)-1; i++ {
			digits[i] = 0
		}
		if i == len(digits) {
			return
		}
		digits[i]++
	}
}

// eachCut follows a stream in all 2^(n-1) ways of cutting it.
func eachCut(t *testing.T, r rule, stream []byte) {
	t.Helper()
	want := r.ref.split(stream)
	ways := []bool{false} // to pass bodies: scanned, and skipped where there are any
	if slices.ContainsFunc(want.messages, func(m message) bool { return m.rest > 0 }) {
		ways = append(ways, true)
	}
	cuts := make([]int, 0, len(stream))
	for mask := range uint(1) << (len(stream) - 1) {
		cuts = cuts[:0]
		for rest := mask; rest != 0; rest &= rest - 1 {
			cuts = append(cuts, bits.TrailingZeros(rest)+1)
		}
		for _, skip := range ways {
			if err := r.follow(stream, want, cuts, skip); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// long are streams that are worth a closer look, in rules of all kinds.
func long(t *testing.T) []struct {
	rule
	stream string
} {
	headers := LengthField{Magic: []byte("Headers"), Offset: 7, Size: 4}
	return []struct {
		rule
		stream string
	}{
		{lengthFieldRule(t, "three messages, one empty", headers), "Headers\x00\x00\x00\x05helloHeaders\x00\x00\x00\x00Headers\x00\x00\x00\x01x"},
		{lengthFieldRule(t, "magic wrong in the second message", headers), "Headers\x00\x00\x00\x01xHeadErs\x00\x00\x00\x01x"},
		{lengthFieldRule(t, "8 bytes, top bit in the second message", LengthField{Size: 8}), "\x00\x00\x00\x00\x00\x00\x00\x02hi\x80\x00\x00\x00\x00\x00\x00\x00hi"},
		{lengthFieldRule(t, "8 bytes, little endian, enormous", LengthField{Size: 8, LittleEndian: true}), "\x01\x00\x00\x00\x00\x00\x00\x00x\xff\xff\xff\xff\xff\xff\xff\x7fhi"},
		{lengthFieldRule(t, "too large in the third message", LengthField{Size: 2, Limit: 6}), "\x00\x04abcd\x00\x00\x00\x05abcde"},
		{varintRule(0), "\x03abc\x00\x85\x80\x00hello\x01x\x80\x80\x80\x80\x00\xff\xff\xff\xff\x0f..."},
		{varintRule(0), "\x03abc\xff\xff\xff\xff\x10abc"},
		{varintRule(200), "\x03abc\x81\x00x\xc6\x01" + "0123456789"},
		{varintRule(200), "\x03abc\x81\x00x\xc7\x01" + "0123456789"},
		{fixedRule(t, 8, 8), "0123456701234567012345670123"},
		{delimiterRule(t, "\n", 0), "one\ntwo\n\n\nfour without end"},
		{delimiterRule(t, "\r\n\r\n", 0), "GET\r\n\r\n\r\n\r\n\r\r\n\r\r\n\r\n\r\n\n\r\n\r"},
		{delimiterRule(t, "\r\n\r\n", 12), "12345678\r\n\r\n123456789\r\n\r\n"},
		{delimiterRule(t, "abacabad", 0), "abacabacabadabacababacabadabacabadd"},
		{delimiterRule(t, "aaab", 0), "aaaaaabaabaaaabaaaaaaaaaaaaab"},
	}
}

func TestLongStreamsCutOnceAndTwice(t *testing.T) {
	for _, row := range long(t) {
		t.Run(row.name, func(t *testing.T) { eachTwoCuts(t, row.rule, []byte(row.stream)) })
	}
}

func TestBeginningsOfLongStreamsCutInAllWays(t *testing.T) {
	for _, row := range long(t) {
		t.Run(row.name, func(t *testing.T) { eachCut(t, row.rule, []byte(row.stream[:12])) })
	}
}

func TestLongStreamsByteByByte(t *testing.T) {
	for _, row := range long(t) {
		stream := []byte(row.stream)
		everywhere := make([]int, len(stream)-1)
		for i := range everywhere {
			everywhere[i] = i + 1
		}
		for _, skip := range []bool{false, true} {
			if err := row.follow(stream, row.ref.split(stream), everywhere, skip); err != nil {
				t.Error(err)
			}
		}
	}
}

// eachTwoCuts follows a stream uncut, cut once and cut twice, everywhere.
func eachTwoCuts(t *testing.T, r rule, stream []byte) {
	t.Helper()
	want := r.ref.split(stream)
	for first := range len(stream) {
		for second := first; second < len(stream); second++ {
			cuts := slices.DeleteFunc([]int{first, second}, func(c int) bool { return c == 0 })
			if err := r.follow(stream, want, slices.Compact(cuts), second%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestGarbage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, row := range long(t) {
		for range 10 {
			stream := make([]byte, 40)
			for i := range stream { // half of it from the sound stream, so that the first byte is not always wrong
				stream[i] = byte(rng.Uint32())
				if rng.IntN(2) == 0 {
					stream[i] = row.stream[i%len(row.stream)]
				}
			}
			copy(stream, row.stream[:rng.IntN(len(row.stream))])
			eachTwoCuts(t, row.rule, stream)
		}
	}
}
