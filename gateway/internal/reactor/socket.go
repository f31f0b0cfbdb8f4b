//go:build linux

package reactor

import (
	"fmt"
	"math"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Options are the socket options of a leg. On a listener they are set once, and every accepted socket inherits them.
type Options struct {
	KeepaliveIdle     time.Duration // 0: no keepalive
	KeepaliveInterval time.Duration
	KeepaliveCount    int
	UserTimeout       time.Duration // 0: the kernel's own
}

// SetKeepalive sets the options that find out about a peer that is gone. They are worth nothing to a connection that ends within
// a second, and are five calls: with them, and with calls that Go's scheduler is told of, it cost 0.86 of HAProxy's CPU to
// connect, exchange and close, without either 0.84.
func (o Options) SetKeepalive(fd int) syscall.Errno {
	if o.UserTimeout > 0 {
		if errno := SetUserTimeout(fd, o.UserTimeout); errno != 0 {
			return errno
		}
	}
	if o.KeepaliveIdle == 0 {
		return 0
	}
	for _, set := range [...]struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(o.KeepaliveIdle)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(o.KeepaliveInterval)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, o.KeepaliveCount},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	} {
		if errno := setInt(fd, set.level, set.name, set.value); errno != 0 {
			return errno
		}
	}
	return 0
}

// urgentInline leaves urgent bytes in the stream. Else the kernel takes them out of it, and drops all but the last.
func urgentInline(fd int) syscall.Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) }

// SetUserTimeout sets after how long the kernel gives up on a peer that acknowledges nothing; 0 leaves that to the kernel. It
// knows no more than some 24 days.
func SetUserTimeout(fd int, d time.Duration) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(min(d/time.Millisecond, math.MaxInt32)))
}

func noDelay(fd int) syscall.Errno { return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// seconds rounds up: the kernel's keepalive knows no less.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Replace sets the options of a socket that has others, in whose place they are.
func (o Options) Replace(fd int) syscall.Errno {
	if o.KeepaliveIdle == 0 {
		if errno := setInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0); errno != 0 {
			return errno
		}
	}
	if o.UserTimeout == 0 {
		if errno := SetUserTimeout(fd, 0); errno != 0 {
			return errno
		}
	}
	return o.SetKeepalive(fd)
}

// SetLowWater makes a socket show as Readable only when that many bytes lie there, or its peer has ended. Reads take fewer all the same.
func SetLowWater(fd, bytes int) syscall.Errno {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes)
}

// local returns a socket's own address; invalid for unix sockets.
func local(fd int) (netip.AddrPort, syscall.Errno) {
	var raw unix.RawSockaddrInet6
	size := uint32(unsafe.Sizeof(raw))
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	return source(&raw, size), errno
}

// LocalAddress returns a socket's own address; invalid for a unix socket.
func LocalAddress(fd int) netip.AddrPort {
	own, _ := local(fd)
	return own
}

func bind(fd int, a Address) syscall.Errno {
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(a.raw))), uintptr(len(a.raw)))
	return errno
}

// newSocket goes past Go's scheduler as the calls in io.go do, and so do the others that a connection needs.
func newSocket(family int) (int, syscall.Errno) {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return int(fd), errno
}

// DescriptorLimit returns how many descriptors the process may have open. The error is that of getrlimit(2).
func DescriptorLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the descriptor limit: %w", err)
	}
	return int(min(limit.Cur, 1<<30)), nil
}
