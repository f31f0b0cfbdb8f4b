// Package reactor is the gateway's edge to the kernel: an epoll set, sockets, their options and the monotonic clock.
//
// It is the only package that makes system calls. All its sockets are non-blocking, and none is known to Go's own
// poller. Errors of the paths that run for every message are plain errno values, which cost no allocation:
//
//	n, errno := reactor.Read(fd, buf)
//	switch {
//	case errno == reactor.Again: // wait for the next edge
//	case errno != 0:             // reactor.IsReset(errno) tells a reset from a lost peer
//	case n == 0:                 // FIN
//	}
//
// Descriptors are registered once, edge-triggered and for everything, and never changed: level-triggered epoll cannot
// mask HUP and ERR, so a session that is held back and whose peer resets would spin.
//
// It runs on Linux only.
package reactor
