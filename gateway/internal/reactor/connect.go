//go:build linux

package reactor

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// IsSelf reports whether fd, which is connected to a, is connected to itself. That happens where the kernel takes for a
// connect the very port that is connected to, and nobody listens there: two SYNs that cross open a connection (RFC 9293,
// 3.5), here the same one twice. One system call, and it is the destination that getpeername would say.
func IsSelf(fd int, a Address) bool {
	if a.IsUnix() {
		return false
	}
	own, errno := local(fd)
	return errno == 0 && own == a.ip
}

// Connect begins to connect to a. pending says that the end will show as Writable or Failed; Failure then tells which.
func Connect(a Address) (fd int, pending bool, errno syscall.Errno) { return ConnectFrom(a, nil) }

// ConnectFrom is Connect from an address of this machine, whose port the kernel chooses; nil: the kernel chooses that, too. IsNoPort
// knows the errno where another address may do.
func ConnectFrom(a Address, from *Address) (fd int, pending bool, errno syscall.Errno) {
	if fd, errno = newSocket(a.family); errno != 0 {
		return -1, false, errno
	}
	if errno = connectOptions(fd, a); errno == 0 && from != nil {
		errno = BindAddress(fd, *from)
	}
	if errno != 0 {
		Close(fd)
		return -1, false, errno
	}
	_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(a.raw))), uintptr(len(a.raw)))
	switch errno {
	case 0:
		return fd, false, 0
	case unix.EINPROGRESS, unix.EINTR:
		return fd, true, 0
	}
	Close(fd)
	return -1, false, errno
}

// Answer returns what there is of the attempt to connect of fd, as a Poller tells it: Writable, Failed, HungUp. It is 0 while there is none.
func Answer(fd int) Ready {
	asked := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}} // the bits are those of epoll
	for {
		n, err := unix.Poll(asked, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			return 0
		}
		return Ready(asked[0].Revents) & (Writable | Failed | HungUp)
	}
}

// BindAddress makes fd connect from an address. The port is left to connect, which knows where to: one that is taken there may be
// free towards another endpoint (IP_BIND_ADDRESS_NO_PORT in ip(7)).
func BindAddress(fd int, from Address) syscall.Errno {
	if errno := BindNoPort(fd); errno != 0 {
		return errno
	}
	return bind(fd, from)
}

// BindNoPort leaves the port to connect where fd is about to be bound to an address.
func BindNoPort(fd int) syscall.Errno {
	return setInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// IsNoPort reports whether a connect has failed because the address that it was made from has no port left, or is not this machine's.
func IsNoPort(errno syscall.Errno) bool { return errno == unix.EADDRNOTAVAIL }

// connectOptions sets what must be there before the first byte comes.
func connectOptions(fd int, a Address) syscall.Errno {
	errno := urgentInline(fd)
	if errno != 0 || a.IsUnix() {
		return errno
	}
	return noDelay(fd)
}
