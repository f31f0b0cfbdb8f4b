package message

import (
	"bytes"
	"testing"
)

func TestMessagesAreReadBack(t *testing.T) {
	for _, size := range []int{MinBytes, 21, 64, 1000} {
		w, r := Writer{Connection: 7, Size: size}, NewReader(7)
		var stream []byte
		for range 5 {
			stream = w.Append(stream)
		}
		for i := range 5 {
			for cut := range size {
				if n, err := r.Next(stream[:cut]); n != 0 || err != nil {
					t.Fatalf("size %d, message %d cut at %d: %d, %v", size, i, cut, n, err)
				}
			}
			n, err := r.Next(stream)
			if n != size || err != nil {
				t.Fatalf("size %d, message %d: %d, %v", size, i, n, err)
			}
			stream = stream[n:]
		}
	}
}

func TestAnyBentBitIsCaught(t *testing.T) {
	w := Writer{Connection: 3, Size: 64}
	stream := w.Append(w.Append(nil)) // the second makes up for a length that was bent upwards a little
	for bit := range 64 * 8 {
		bent := bytes.Clone(stream)
		bent[bit/8] ^= 1 << (bit % 8)
		r := NewReader(3)
		if n, err := r.Next(bent); n != 0 && err == nil {
			t.Errorf("bit %d of byte %d went unseen", bit%8, bit/8)
		}
	}
}

func TestWrongOrderIsCaught(t *testing.T) {
	w := Writer{Connection: 3, Size: 64}
	first, second := w.Append(nil), w.Append(nil)
	for name, stream := range map[string][]byte{
		"a lost message":   second,
		"a doubled one":    append(bytes.Clone(first), first...),
		"somebody else's":  (&Writer{Connection: 4, Size: 64}).Append(nil),
		"a changed number": append(bytes.Clone(first), elsewhere()...),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(3)
			var failure error
			for len(stream) > 0 && failure == nil {
				var n int
				n, failure = r.Next(stream)
				stream = stream[n:]
			}
			if failure == nil {
				t.Error("went unseen")
			}
		})
	}
}

// elsewhere is the second message of another connection.
func elsewhere() []byte {
	w := Writer{Connection: 4, Size: 64}
	w.Append(nil)
	return w.Append(nil)
}
