package relay

import (
	"syscall"

	"idlegate/gateway/internal/reactor"
)

// chunk is a run of bytes that waits for a peer: buf[from:to], or where buf is nil the to-from bytes that the pipe has.
type chunk struct {
	buf      []byte
	pipe     reactor.Pipe
	from, to int

	// Guarded by the outbox that it is in.
	next *chunk // nil: it is the last one
	last *chunk // of the outbox; only valid in its head
}

// writeTo writes to a socket what the chunk has left, as much as it takes: what remains then waits for it to be Writable.
func (c *chunk) writeTo(fd int) syscall.Errno {
	for !c.empty() {
		n, errno := c.write(fd)
		if errno != 0 {
			return errno
		}
		c.from += n
		if c.buf != nil { // else a signal, too, may have cut it short
			break
		}
	}
	return 0
}

func (c *chunk) write(fd int) (int, syscall.Errno) {
	if c.buf == nil {
		return c.pipe.Drain(fd, c.to-c.from)
	}
	return reactor.Write(fd, c.buf[c.from:c.to])
}

// fill copies as much of b behind what the chunk has as there is room for, and returns how much that was.
func (c *chunk) fill(b []byte) int {
	n := copy(c.buf[min(c.to, len(c.buf)):], b)
	c.to += n
	return n
}

// room returns how many bytes fill would take. A pipe has none: others fill it.
func (c *chunk) room() int { return max(0, len(c.buf)-c.to) }

func (c *chunk) empty() bool { return c.from == c.to }
