//go:build linux

package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pipe carries bytes from socket to socket without their being copied to the process (splice(2)). It takes two descriptors.
type Pipe struct{ out, in int32 }

// NewPipe returns an empty pipe for size bytes, which is a power of two. Where the system lets it have no more it is
// smaller: that costs only speed.
func NewPipe(size int) (Pipe, syscall.Errno) {
	var fds [2]int32
	_, _, errno := unix.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&fds[0])), unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return Pipe{}, errno
	}
	_, _, _ = unix.RawSyscall(unix.SYS_FCNTL, uintptr(fds[0]), unix.F_SETPIPE_SZ, uintptr(size))
	return Pipe{out: fds[0], in: fds[1]}, 0
}

// Close closes the pipe; what it has is lost.
func (p Pipe) Close() {
	Close(int(p.out))
	Close(int(p.in))
}

// Fill takes up to n bytes from a socket. It stops at an urgent mark and never goes past it: there it returns what it returns
// where there are no bytes, which is 0 and no error where a FIN or an error lies behind them (tcp_splice_read). So only bytes
// are to be believed, and an error that IsOwn does not claim: that has been taken from the socket. Of a pipe that is not empty,
// Again may also mean that it is full: it has 16 places, and what a peer sent in small pieces fills them soon.
func (p Pipe) Fill(fd, n int) (int, syscall.Errno) { return splice(fd, int(p.in), n) }

// Drain writes up to n bytes to a socket; the pipe must have as many. That it wrote less does not say that the socket takes
// no more: a signal cuts it short too. Only after Again the socket will show as Writable, if the kernel had memory for it.
func (p Pipe) Drain(fd, n int) (int, syscall.Errno) {
	done, errno := splice(int(p.out), fd, n)
	if errno == unix.ENOMEM || errno == unix.ENOBUFS {
		errno = Again
	}
	return done, errno
}

// splice goes past Go's scheduler as the calls in io.go do. A SIGPIPE, which only they can suppress, is no harm: Go's
// runtime ignores it.
func splice(from, to, n int) (int, syscall.Errno) {
	for {
		done, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if errno == 0 {
			return int(done), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
