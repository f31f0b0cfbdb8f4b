package relay

import "syscall"

// problem is why an attempt to connect has failed: an errno, or one that the kernel does not know as such. 0: it has not.
type problem uint16

// connectedToSelf is a socket that has connected to itself.
const connectedToSelf problem = 1 << 15

func (p problem) String() string {
	switch p {
	case 0:
		return ""
	case connectedToSelf:
		return "connected to itself: nobody listens there"
	}
	return syscall.Errno(p).Error()
}
