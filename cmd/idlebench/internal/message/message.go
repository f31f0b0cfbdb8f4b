// Package message makes the messages that the benchmark sends through a proxy, and checks the ones that come out of it.
//
//	0        4          8          16           20
//	| length | checksum | sequence | connection | filler ...
//
// All numbers are big endian. The length is that of what follows it, so a length_field framing of size 4 finds the
// message's end. The checksum is a CRC-32C over everything but itself: a bent bit breaks it. The sequence counts the
// messages of one connection from 0, so one that is lost, doubled or out of order shows, and the connection's number
// shows one that was delivered to somebody else.
package message

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	// MinBytes is the size of a message without filler.
	MinBytes = 20
	// MaxBytes is what a reader takes for a message; a longer one is a length that was bent.
	MaxBytes = 16 << 20

	lengthBytes  = 4
	checksumEnd  = 8
	sequenceEnd  = 16
	fillerStride = 8
)

// checksum is the CRC-32C of b but for the four bytes that hold it. The table is made once by hash/crc32.
func checksum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, b[:lengthBytes]), table, b[checksumEnd:])
}

// Writer makes the messages of one connection.
type Writer struct {
	Connection uint32
	Size       int // bytes of each message, at least MinBytes

	next uint64
}

// Append appends the next message to dst.
func (w *Writer) Append(dst []byte) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(w.Size-lengthBytes))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, w.next)
	dst = binary.BigEndian.AppendUint32(dst, w.Connection)
	dst = appendFiller(dst, start+w.Size, w.next^uint64(w.Connection)<<40)
	b := dst[start:]
	binary.BigEndian.PutUint32(b[lengthBytes:], checksum(b))
	w.next++
	return dst
}

// appendFiller fills dst up to end with bytes that differ from message to message (a xorshift), so that no part of one
// can stand for the same part of another.
func appendFiller(dst []byte, end int, seed uint64) []byte {
	x := seed | 1<<63
	for len(dst)+fillerStride <= end {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	for len(dst) < end {
		dst = append(dst, byte(x))
		x >>= 8
	}
	return dst
}

// Reader checks the messages of one connection.
type Reader struct {
	connection uint32 // as the first message said, where begun
	begun      bool
	next       uint64
}

// NewReader returns a reader of the messages that a Writer with the same number has made. The zero Reader learns the
// number from the first message.
func NewReader(connection uint32) Reader { return Reader{connection: connection, begun: true} }

// Next checks the message at the start of b and returns its size, or 0 where b does not hold all of it yet.
func (r *Reader) Next(b []byte) (int, error) {
	if len(b) < lengthBytes {
		return 0, nil
	}
	size := int64(binary.BigEndian.Uint32(b)) + lengthBytes
	if size < MinBytes || size > MaxBytes {
		return 0, fmt.Errorf("message %d: a length of %d bytes", r.next, size)
	}
	if int64(len(b)) < size {
		return 0, nil
	}
	return int(size), r.check(b[:size])
}

func (r *Reader) check(b []byte) error {
	if have, want := checksum(b), binary.BigEndian.Uint32(b[lengthBytes:]); have != want {
		return fmt.Errorf("message %d: checksum %08x, not %08x", r.next, have, want)
	}
	if sequence := binary.BigEndian.Uint64(b[checksumEnd:]); sequence != r.next {
		return fmt.Errorf("message %d: sequence %d instead", r.next, sequence)
	}
	connection := binary.BigEndian.Uint32(b[sequenceEnd:])
	if !r.begun {
		r.connection, r.begun = connection, true
	}
	if connection != r.connection {
		return fmt.Errorf("message %d: of connection %d on connection %d", r.next, connection, r.connection)
	}
	r.next++
	return nil
}
