package message

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Reader checks the messages of one connection, in pieces of any size.
type Reader struct {
	connection uint32 // as the first message said, where begun
	begun      bool
	next       uint64

	// Of the message under way.
	left  int64 // its bytes still to come; 0: there is none
	sum   uint32
	want  uint32
	reply Reply
}

// NewReader returns a reader of the messages that a Writer with the same number has made. The zero Reader learns the
// number from the first message.
func NewReader(connection uint32) Reader { return Reader{connection: connection, begun: true} }

// Next takes bytes from the start of b, to the end of one message at most, and says how many and whether that message is
// whole with them. It takes none while a message's first MinBytes are not all there.
func (r *Reader) Next(b []byte) (taken int, whole bool, err error) {
	if len(b) == 0 {
		return 0, false, nil
	}
	if r.left > 0 {
		taken = int(min(r.left, int64(len(b))))
		r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), b[:taken])
	} else if taken, err = r.begin(b); taken == 0 || err != nil {
		return 0, false, err
	}
	r.left -= int64(taken)
	if r.left > 0 {
		return taken, false, nil
	}
	if r.sum != r.want {
		return taken, false, fmt.Errorf("message %d: checksum %08x, not %08x", r.next, r.sum, r.want)
	}
	r.next++
	return taken, true, nil
}

// Reply is what the message of which Next has last taken bytes is to be answered with.
func (r *Reader) Reply() Reply { return r.reply }

// Connection is the number of the connection, once a message has begun.
func (r *Reader) Connection() uint32 { return r.connection }

// Mid reports whether a message has begun that is not whole yet.
func (r *Reader) Mid() bool { return r.left > 0 }

// begin takes the start of a message.
func (r *Reader) begin(b []byte) (taken int, err error) {
	if len(b) < lengthBytes {
		return 0, nil
	}
	size := int64(binary.BigEndian.Uint32(b)) + lengthBytes
	if size < MinBytes || size > MaxBytes {
		return 0, fmt.Errorf("message %d: a length of %d bytes", r.next, size)
	}
	if len(b) < MinBytes {
		return 0, nil
	}
	taken = int(min(size, int64(len(b))))
	r.left, r.sum, r.want = size, checksum(b[:taken]), binary.BigEndian.Uint32(b[lengthBytes:])
	if taken == int(size) && r.sum != r.want {
		return taken, nil // whatever else is wrong follows from that
	}
	return taken, r.identify(b)
}

// identify reads what a message says about itself.
func (r *Reader) identify(b []byte) error {
	if r.reply = Reply(binary.BigEndian.Uint32(b[connectionEnd:])); r.reply == Beat {
		return nil
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
	if r.reply > Beat {
		return fmt.Errorf("message %d: reply %d", r.next, r.reply)
	}
	return nil
}
