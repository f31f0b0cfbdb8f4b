// Package narrow makes sockets that hold little, for peers of which many connections are to be clogged.
//
// Buffers that the kernel sizes are megabytes each. Small ones are overrun by the segments of 64 KiB that the loopback
// interface has, so that the kernel drops some and connections wait for retransmission: hence segments as between hosts.
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
