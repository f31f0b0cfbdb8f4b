// Package narrow makes sockets that hold little, for peers of which thousands of connections are to be clogged.
//
// Two things of the loopback interface are kept out of that. Its segments of 64 KiB overrun small receive buffers, which
// then drop what has been acknowledged as sent, and connections come back to life only by retransmission, seconds later.
// And with buffers that the kernel sizes, a hundred connections come to gigabytes, where it begins to drop for want of
// memory.
package narrow

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	bufferBytes  = 64 << 10 // which the kernel doubles, to have room for its own (socket(7))
	segmentBytes = 1400     // as between hosts
)

// Control is for net.Dialer and net.ListenConfig. Accepted sockets inherit all of it.
func Control(_, _ string, c syscall.RawConn) error {
	var failure error
	err := c.Control(func(fd uintptr) { failure = set(int(fd)) })
	if err != nil {
		return err
	}
	return failure
}

func set(fd int) error {
	for _, option := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, bufferBytes},
		{unix.IPPROTO_TCP, unix.TCP_MAXSEG, segmentBytes},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			return err
		}
	}
	return nil
}
