package demo

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A message on the wire:
//
//	Headers | length, 4 bytes, big endian | body of that many bytes
const (
	magic      = "Headers"
	headerSize = len(magic) + 4
	maxBody    = 1 << 16 // bytes; more than any of the demo
)

func frame(body string) []byte {
	b := append([]byte(nil), magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// readFrame returns the body of the next message. The error is io.EOF only between two messages.
func readFrame(r io.Reader) (string, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return "", err
	}
	size := binary.BigEndian.Uint32(header[len(magic):])
	if string(header[:len(magic)]) != magic || size > maxBody {
		return "", fmt.Errorf("%q is not the header of a message", header)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", fmt.Errorf("read a body of %d bytes: %w", size, err)
	}
	return string(body), nil
}
