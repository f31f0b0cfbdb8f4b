//go:build linux

package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pipe carries bytes from socket to socket without their being copied to the process (splice(2)). It takes two descriptors.
type Pipe struct{ out, in, size int32 }

// PipeSize is for how many bytes a pipe is made: as many as can be had, but no more than Most and no less than Least, both a
// power of two.
type PipeSize struct{ Most, Least int }

// NewPipe returns an empty pipe. An ordinary user's pipes have 64 MiB together (pipe-user-pages-soft in pipe(7)): beyond
// that the error is EPERM. Other errors are those of IsExhausted.
func NewPipe(want PipeSize) (Pipe, syscall.Errno) {
	var fds [2]int32
	_, _, errno := unix.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&fds[0])), unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return Pipe{}, errno
	}
	p := Pipe{out: fds[0], in: fds[1]}
	for size := want.Most; size >= want.Least; size /= 2 {
		var granted uintptr
		if granted, _, errno = unix.RawSyscall(unix.SYS_FCNTL, uintptr(p.out), unix.F_SETPIPE_SZ, uintptr(size)); errno == 0 {
			p.size = int32(granted)
			return p, 0
		}
	}
	p.Close()
	return Pipe{}, errno
}

// Size returns how many bytes the pipe has room for, where they come in whole pages.
func (p Pipe) Size() int { return int(p.size) }

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
