package protocol

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// sample is a protocol with a way to make one message of a size.
type sample struct {
	name    string
	framer  func(t testing.TB, size int) Framer
	message func(size int) []byte
}

func samples() []sample {
	magic := LengthField{Magic: []byte("Headers"), Offset: 7, Size: 4, Limit: 16 << 20}
	return []sample{
		{"raw", func(testing.TB, int) Framer { return NewRaw() }, filled},
		{"length_field", func(t testing.TB, _ int) Framer { return lengthFieldRule(t, "", magic).framer }, func(size int) []byte {
			b := filled(size)
			copy(b, "Headers")
			binary.BigEndian.PutUint32(b[7:], uint32(size-11))
			return b
		}},
		{"delimiter", func(t testing.TB, _ int) Framer { return delimiterRule(t, "\n", 16<<20).framer }, func(size int) []byte {
			return append(filled(size-1), '\n')
		}},
		{"delimiter_crlf", func(t testing.TB, _ int) Framer { return delimiterRule(t, "\r\n", 16<<20).framer }, func(size int) []byte {
			return append(filled(size-2), "\r\n"...)
		}},
		{"fixed", func(t testing.TB, size int) Framer { return fixedRule(t, uint64(size), 16<<20).framer }, filled},
		{"varint", func(testing.TB, int) Framer { return NewVarint(16 << 20) }, varintMessage},
	}
}

func filled(size int) []byte { return bytes.Repeat([]byte("x"), size) }

func varintMessage(size int) []byte {
	header := binary.AppendUvarint(nil, uint64(size))
	header = binary.AppendUvarint(nil, uint64(size-len(header)))
	return append(header, filled(size-len(header))...)
}

// BenchmarkScan scans a message that came whole.
func BenchmarkScan(b *testing.B) {
	for _, s := range samples() {
		for _, size := range []int{16, 64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("protocol=%s/size=%d", s.name, size), func(b *testing.B) {
				framer, message := s.framer(b, size), s.message(size)
				var state State
				if n, event := framer.Scan(&state, message); n != size || event != Message {
					b.Fatalf("sample: %d, %s", n, event)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					framer.Scan(&state, message)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			const size = 300 // two bytes of varint
			framer, message := s.framer(t, size), s.message(size)
			var state State
			messages := 0
			allocs := testing.AllocsPerRun(100, func() {
				for cut := range size { // of no byte too: then the message comes whole
					for _, b := range [][]byte{message[:cut], message[cut:]} {
						if _, event := framer.Scan(&state, b); event == Message {
							messages++
						}
					}
				}
			})
			if allocs != 0 || messages == 0 {
				t.Errorf("%v allocations, %d messages; want none, and some", allocs, messages)
			}
		})
	}
}
