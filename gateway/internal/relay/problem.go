package relay

import "syscall"

// problem is why an attempt to connect has failed: an errno, or one that the kernel does not know as such. 0: it has not.
type problem uint16

// connectedToSelf is a socket that has connected to itself.
const connectedToSelf problem = 1 << 15

// A TLS handshake that has failed, for a reason of its own (see problemText), or taken too long.
const (
	handshakeFailed   = connectedToSelf + 1
	handshakeTimedOut = connectedToSelf + 2
)

func (p problem) String() string {
	switch p {
	case 0:
		return ""
	case connectedToSelf:
		return "connected to itself: nobody listens there"
	case handshakeFailed:
		return "the TLS handshake has failed"
	case handshakeTimedOut:
		return "the TLS handshake has taken too long"
	}
	return syscall.Errno(p).Error()
}

// problemText says why the last attempt to connect has failed, "" where it has not.
func (c *conn) problemText() string {
	if c.problem == handshakeFailed {
		return "TLS handshake: " + c.extra.tls.upstream.problem
	}
	return c.problem.String()
}
