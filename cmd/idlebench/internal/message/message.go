// Package message makes the messages that the benchmark sends through a proxy, and checks the ones that come out of it.
//
//	0        4          8          16           20      24
//	| length | checksum | sequence | connection | reply | filler ...
//
// All numbers are big endian. The length is that of what follows it, so a length_field framing of size 4 finds the
// message's end. The checksum is a CRC-32C over everything but itself: a bent bit breaks it. The sequence counts the
// messages of one connection from 0, so one that is lost, doubled or out of order shows, and the connection's number
// shows one that was delivered to somebody else. The reply is what the sender would have for the message.
package message

import (
	"encoding/binary"
	"hash/crc32"
	"net"
)

const (
	// MinBytes is the size of a message without filler.
	MinBytes = 24
	// MaxBytes is what a reader takes for a message; a longer one is a length that was bent.
	MaxBytes = 16 << 20

	lengthBytes   = 4
	checksumEnd   = 8
	sequenceEnd   = 16
	connectionEnd = 20
	fillerStride  = 8
)

// Reply is what a message is answered with.
type Reply uint32

// The replies.
const (
	Echo    Reply = iota // the message itself
	Silence              // nothing
	Receipt              // a message without filler, which says that this one and all before it have come whole
	Beat                 // itself, as Echo. All of one size are the same: of connection 0 and sequence 0
)

// Heartbeat returns the one message of that size whose reply is Beat, without its length, by which proxies know it.
func Heartbeat(size int) []byte {
	w := Writer{Size: size, Reply: Beat}
	return w.Append(nil)[lengthBytes:]
}

// checksum is the CRC-32C of b but for the four bytes that hold it. The table is made once by hash/crc32.
func checksum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, b[:lengthBytes]), table, b[checksumEnd:])
}

// Writer makes the messages of one connection.
type Writer struct {
	Connection uint32
	Size       int   // bytes of each message, at least MinBytes
	Reply      Reply // to the messages to come

	next   uint64
	long   []byte // what Parts cuts filler from
	header []byte // of what Parts has last made
}

// Append appends the next message to dst.
func (w *Writer) Append(dst []byte) []byte {
	start := len(dst)
	dst = w.appendHeader(dst)
	dst = appendFiller(dst, start+w.Size, w.next^uint64(w.Connection)<<40)
	b := dst[start:]
	binary.BigEndian.PutUint32(b[lengthBytes:], checksum(b))
	if w.Reply != Beat {
		w.next++
	}
	return dst
}

// appendHeader appends all but the checksum, for which it leaves room.
func (w *Writer) appendHeader(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(w.Size-lengthBytes))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, w.next)
	dst = binary.BigEndian.AppendUint32(dst, w.Connection)
	return binary.BigEndian.AppendUint32(dst, uint32(w.Reply))
}

// Parts is Append for writev(2) and for messages so long that making their filler would cost more than sending them: it
// is cut from bytes that are made once, elsewhere for each of a number of messages. The parts hold until the next call.
func (w *Writer) Parts() net.Buffers {
	const (
		cuts   = 16
		stride = 4099 // odd, so that the bytes of one message do not line up with those of another
	)
	body := w.Size - MinBytes
	if w.long == nil {
		w.long = appendFiller(nil, body+cuts*stride, uint64(w.Connection)<<40)
	}
	filler := w.long[w.next%cuts*stride:][:body]
	w.header = w.appendHeader(w.header[:0])
	sum := crc32.Update(checksum(w.header), crc32.MakeTable(crc32.Castagnoli), filler)
	binary.BigEndian.PutUint32(w.header[lengthBytes:], sum)
	w.next++
	return net.Buffers{w.header, filler}
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
