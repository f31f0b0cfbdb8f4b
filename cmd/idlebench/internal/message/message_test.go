package message

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesAreReadBack(t *testing.T) {
	for _, size := range []int{MinBytes, MinBytes + 1, 64, 200} {
		for piece := 1; piece <= 2*size+1; piece++ {
			w, r := Writer{Connection: 7, Size: size}, NewReader(7)
			var stream []byte
			for _, reply := range []Reply{Echo, Silence, Receipt} {
				w.Reply = reply
				stream = w.Append(stream)
				stream = append(stream, bytes.Join(w.Parts(), nil)...)
			}
			replies, err := readPieces(&r, stream, piece)
			if diff := cmp.Diff([]Reply{Echo, Echo, Silence, Silence, Receipt, Receipt}, replies); diff != "" || err != nil {
				t.Fatalf("messages of %d bytes, %d at a time: %v\n%s", size, piece, err, diff)
			}
		}
	}
}

// readPieces reads a stream that comes in pieces of one size, and returns what the whole messages are to be answered with.
func readPieces(r *Reader, stream []byte, piece int) ([]Reply, error) {
	var replies []Reply
	var held []byte
	for len(stream) > 0 {
		n := min(piece, len(stream))
		held, stream = append(held, stream[:n]...), stream[n:]
		for {
			taken, whole, err := r.Next(held)
			if err != nil {
				return replies, err
			}
			if taken == 0 {
				break
			}
			if whole {
				replies = append(replies, r.Reply())
			}
			held = held[taken:]
		}
	}
	if len(held) > 0 || r.Mid() {
		return replies, fmt.Errorf("%d bytes are left, within a message: %t", len(held), r.Mid())
	}
	return replies, nil
}

func TestAnyBentBitIsCaught(t *testing.T) {
	w := Writer{Connection: 3, Size: 64}
	stream := w.Append(w.Append(nil)) // the second makes up for a length that was bent upwards a little
	for bit := range 64 * 8 {
		bent := bytes.Clone(stream)
		bent[bit/8] ^= 1 << (bit % 8)
		for _, piece := range []int{len(bent), 10} {
			r := NewReader(3)
			if _, err := readPieces(&r, bent, piece); err == nil {
				t.Errorf("bit %d of byte %d went unseen", bit%8, bit/8)
			}
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
			if _, err := readPieces(&r, stream, len(stream)); err == nil {
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
