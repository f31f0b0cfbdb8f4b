//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
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

func (o Options) apply(fd int) error {
	set := func(level, name, value int) (err error) { return unix.SetsockoptInt(fd, level, name, value) }
	err := set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if o.UserTimeout > 0 {
		err = errors.Join(err, set(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(o.UserTimeout/time.Millisecond)))
	}
	if o.KeepaliveIdle > 0 {
		err = errors.Join(err,
			set(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
			set(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(o.KeepaliveIdle)),
			set(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(o.KeepaliveInterval)),
			set(unix.IPPROTO_TCP, unix.TCP_KEEPCNT, o.KeepaliveCount))
	}
	if err != nil {
		return fmt.Errorf("set socket options: %w", err)
	}
	return nil
}

// seconds rounds up: the kernel's keepalive knows no less.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Listener is a bound, listening socket.
type Listener struct {
	FD   int
	path string      // of a unix socket, which Close removes
	made unix.Stat_t // what path was when it was made, so that a successor's is left alone
	text string
}

// String returns the bound address, with the port that the kernel chose.
func (l *Listener) String() string { return l.text }

// Listen binds and listens at a. anyFamily lets an IPv6 listener take IPv4 clients too.
func Listen(a Address, anyFamily bool, o Options) (*Listener, error) {
	fd, err := unix.Socket(a.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", a, err)
	}
	l := &Listener{FD: fd}
	if err := l.bind(a, anyFamily, o); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind %s: %w", a, err)
	}
	return l, nil
}

func (l *Listener) bind(a Address, anyFamily bool, o Options) error {
	if a.IsUnix() {
		return l.bindUnix(a)
	}
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if a.family == unix.AF_INET6 {
		only := 1
		if anyFamily {
			only = 0
		}
		if err := unix.SetsockoptInt(l.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return err
		}
	}
	if err := o.apply(l.FD); err != nil {
		return err
	}
	if errno := bind(l.FD, a); errno != 0 {
		return errno
	}
	if err := unix.Listen(l.FD, backlog); err != nil {
		return err
	}
	sa, err := unix.Getsockname(l.FD)
	if err != nil {
		return err
	}
	l.text = peer(sa).String()
	return nil
}

// backlog is more than any system allows: net.core.somaxconn cuts it.
const backlog = 65535

// bindUnix replaces a socket that nobody listens at any more and lets owner and group connect.
func (l *Listener) bindUnix(a Address) error {
	path := a.text[len("unix:"):]
	if err := removeStale(a, path); err != nil {
		return err
	}
	if errno := bind(l.FD, a); errno != 0 {
		return errno
	}
	l.path, l.text = path, a.text
	if err := errors.Join(os.Chmod(path, 0o660), unix.Listen(l.FD, backlog)); err != nil {
		return err
	}
	return unix.Stat(path, &l.made)
}

func removeStale(a Address, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return errors.New("a file that is no socket is in the way")
	}
	fd, _, errno := Connect(a, Options{})
	if errno == 0 {
		Close(fd)
	}
	if errno != unix.ECONNREFUSED {
		return unix.EADDRINUSE
	}
	return os.Remove(path)
}

func bind(fd int, a Address) syscall.Errno {
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(a.raw))), uintptr(len(a.raw)))
	return errno
}

// Close stops listening. Clients in the backlog are reset.
func (l *Listener) Close() {
	l.Unlink()
	unix.Close(l.FD)
}

// Unlink removes the path of a unix socket, unless a successor has put its own there. Close does it too.
func (l *Listener) Unlink() {
	var st unix.Stat_t
	if l.path != "" && unix.Stat(l.path, &st) == nil && st.Ino == l.made.Ino && st.Ctim == l.made.Ctim {
		_ = os.Remove(l.path)
	}
}

// Accept takes a client off the backlog; Again if there is none. The address is invalid for a unix socket.
func (l *Listener) Accept() (fd int, client netip.AddrPort, errno syscall.Errno) {
	fd, sa, err := unix.Accept4(l.FD, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		if errors.As(err, &errno) {
			return -1, netip.AddrPort{}, errno
		}
		return -1, netip.AddrPort{}, syscall.EIO
	}
	return fd, peer(sa), 0
}

// Connect begins to connect to a. pending says that the end will show as Writable or Failed; Failure then tells which.
func Connect(a Address, o Options) (fd int, pending bool, errno syscall.Errno) {
	fd, err := unix.Socket(a.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if errors.As(err, &errno) {
			return -1, false, errno
		}
		return -1, false, syscall.EIO
	}
	if !a.IsUnix() {
		if err := o.apply(fd); err != nil {
			Close(fd)
			return -1, false, syscall.EINVAL
		}
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

// DescriptorLimit returns how many descriptors the process may have open.
func DescriptorLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the descriptor limit: %w", err)
	}
	return int(min(limit.Cur, 1<<30)), nil
}
