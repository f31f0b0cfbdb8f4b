//go:build linux

package reactor

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Again says that nothing can be read or written now.
const Again = syscall.EAGAIN

// The calls here go past Go's scheduler (RawSyscall): they never block, and telling it costs more than a small read.

// Read reads from a socket. 0 and no error is the peer's FIN, or that an error was taken from the socket before.
//
// It stops at an urgent mark (SO_OOBINLINE only lets it go on from there), and on a unix socket behind descriptors that came
// along, so fewer bytes than b has room for do not say that there are no more. Where it starts at the mark while a signal is
// pending, as Go's runtime sends them, it says Again though bytes lie there (tcp_recvmsg_locked). Unread tells then.
func Read(fd int, b []byte) (int, syscall.Errno) { return receive(fd, b, 0) }

// Peek reads what Read would, and leaves it there.
func Peek(fd int, b []byte) (int, syscall.Errno) { return receive(fd, b, unix.MSG_PEEK) }

func receive(fd int, b []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// Write writes to a socket, without a signal where the peer is gone. Again may also say that the kernel has no memory now.
func Write(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		case unix.ENOMEM, unix.ENOBUFS:
			return 0, Again
		default:
			return 0, errno
		}
	}
}

// Yield gives the processor first to others who wait for it. Before a pipe is filled that is worth its call: meanwhile more
// comes, and goes along. CPU in units of HAProxy's, with and without, all splicing through pipes of 1 MiB: 0.77 and 1.45 for
// messages of 64 KiB one way, 0.78 and 1.34 both ways, 0.51 and 1.09 for messages of 1 MiB one way. Where nobody waits it
// costs 0.2 µs; where somebody does, the other connections of the loop wait for as long as the kernel's scheduler sees fit.
func Yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// CloseWrite sends FIN; what was written before goes first.
func CloseWrite(fd int) syscall.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return errno
}

// Close closes a descriptor. The kernel goes on delivering what was written, unless unread input makes it reset.
func Close(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// Abort closes a socket with a reset; what was written and not yet acknowledged is lost. Unix sockets are just closed.
func Abort(fd int) {
	linger := unix.Linger{Onoff: 1}
	_ = setOption(fd, unix.SOL_SOCKET, unix.SO_LINGER, unsafe.Pointer(&linger), unsafe.Sizeof(linger))
	Close(fd)
}

// Unacked returns how many written bytes the peer has not acknowledged, see Progress: of TCP a FIN among them, of a unix socket
// the memory that they take until the peer has read all that was written with them.
func Unacked(fd int) int {
	n := int32(0)
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// Unread returns how many bytes can be read, those behind an urgent mark included.
func Unread(fd int) int {
	n := int32(0)
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCINQ, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// TakeError returns and clears the error that is pending on a socket, 0 if there is none.
func TakeError(fd int) syscall.Errno {
	pending, size := int32(0), uint32(unsafe.Sizeof(int32(0)))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&pending)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return syscall.Errno(pending)
}

func setOption(fd, level, name int, value unsafe.Pointer, size uintptr) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(value), size, 0)
	return errno
}

func setInt(fd, level, name, value int) syscall.Errno {
	n := int32(value)
	return setOption(fd, level, name, unsafe.Pointer(&n), unsafe.Sizeof(n))
}

// IsReset reports whether errno says that the peer reset the connection, rather than that the kernel gave up on it.
func IsReset(errno syscall.Errno) bool { return errno == unix.ECONNRESET || errno == unix.EPIPE }

// IsClosed reports whether errno says no more than that the peer takes nothing. Where a reset follows the peer's FIN it is all
// that says so (tcp_reset in the state CLOSE_WAIT): the end of what the peer sent is that FIN.
func IsClosed(errno syscall.Errno) bool { return errno == unix.EPIPE }

// IsOwn reports whether errno says that a call has failed here, for want of memory or because the kernel refuses it, and
// nothing of the connection. (EACCES is not among them: ICMPv6 brings it.)
func IsOwn(errno syscall.Errno) bool {
	switch errno {
	case unix.EINVAL, unix.ENOMEM, unix.ENOBUFS, unix.ENOSYS, unix.EPERM, unix.EBADF, unix.EFAULT, unix.ESPIPE:
		return true
	}
	return false
}

// IsRefused reports whether errno says that nobody listens there.
func IsRefused(errno syscall.Errno) bool { return errno == unix.ECONNREFUSED || errno == unix.ENOENT }

// IsTimeout reports whether errno says that the kernel had no answer.
func IsTimeout(errno syscall.Errno) bool { return errno == unix.ETIMEDOUT }

// IsExhausted reports whether errno says that descriptors or the memory for them are used up, here or in the whole
// system, which passes.
func IsExhausted(errno syscall.Errno) bool {
	switch errno {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return true
	}
	return false
}

// IsLocal reports whether errno says that a connect failed here, before the peer was asked: no port, no descriptor.
func IsLocal(errno syscall.Errno) bool { return errno == unix.EADDRNOTAVAIL || IsExhausted(errno) }

// TimedOut is the error of an attempt that was given up.
const TimedOut = syscall.ETIMEDOUT

// IsTaken reports whether an address cannot be bound because somebody has it.
func IsTaken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
