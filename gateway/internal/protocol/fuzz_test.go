package protocol

import (
	"testing"
)

// fuzz follows a stream as cut by cuts, uncut, and with a cut after every byte. Each byte of cuts is the size of a read,
// less one.
func fuzz(t *testing.T, r rule, stream, cuts []byte) {
	t.Helper()
	var drawn, everywhere []int
	for at := 0; len(cuts) > 0; cuts = cuts[1:] {
		if at += int(cuts[0]) + 1; at >= len(stream) {
			break
		}
		drawn = append(drawn, at)
	}
	for at := 1; at < len(stream); at++ {
		everywhere = append(everywhere, at)
	}
	want := r.ref.split(stream)
	for _, cuts := range [][]int{nil, drawn, everywhere} {
		for _, skip := range []bool{false, true} {
			if err := r.follow(stream, want, cuts, skip); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fuzzStream bounds what the references, which are slow, must look through.
const fuzzStream = 512

func FuzzLengthField(f *testing.F) {
	f.Fuzz(func(t *testing.T, magic []byte, gap, size uint8, little bool, adjustment int64, limit uint64, stream, cuts []byte) {
		if len(magic) > 16 || len(stream) > fuzzStream {
			t.Skip()
		}
		sizes := []int{1, 2, 3, 4, 8}
		fuzz(t, lengthFieldRule(t, "", LengthField{
			Magic:        magic,
			Offset:       len(magic) + int(gap%8),
			Size:         sizes[int(size)%len(sizes)],
			LittleEndian: little,
			Adjustment:   adjustment,
			Limit:        limit,
		}), stream, cuts)
	})
}

func FuzzDelimiter(f *testing.F) {
	f.Fuzz(func(t *testing.T, delim []byte, limit uint64, stream, cuts []byte) {
		if len(delim) == 0 || len(delim) > 64 || len(stream) > fuzzStream {
			t.Skip()
		}
		fuzz(t, delimiterRule(t, string(delim), limit), stream, cuts)
	})
}

func FuzzFixed(f *testing.F) {
	f.Fuzz(func(t *testing.T, size, limit uint64, stream, cuts []byte) {
		if size == 0 || len(stream) > fuzzStream {
			t.Skip()
		}
		fuzz(t, fixedRule(t, size, limit), stream, cuts)
	})
}

func FuzzVarint(f *testing.F) {
	f.Fuzz(func(t *testing.T, limit uint64, stream, cuts []byte) {
		if len(stream) > fuzzStream {
			t.Skip()
		}
		fuzz(t, varintRule(limit), stream, cuts)
	})
}
