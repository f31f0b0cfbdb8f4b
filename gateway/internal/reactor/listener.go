//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Listener is a bound, listening socket.
type Listener struct {
	FD   int
	path string      // of a unix socket, which Close removes
	made unix.Stat_t // what path was when it was made, so that a successor's is left alone
	text string
}

// String returns the bound address, with the port that the kernel chose.
func (l *Listener) String() string { return l.text }

// Listen binds and listens at a. anyFamily lets an IPv6 listener take IPv4 clients too. The error is "bind ADDRESS: " and that of
// the system call; IsTaken knows one that is in use.
func Listen(a Address, anyFamily bool, o Options) (*Listener, error) {
	fd, errno := newSocket(a.family)
	if errno != 0 {
		return nil, fmt.Errorf("bind %s: %w", a, errno)
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
	if errno := setInt(l.FD, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); errno != 0 {
		return errno
	}
	if a.family == unix.AF_INET6 {
		only := 1
		if anyFamily {
			only = 0
		}
		if errno := setInt(l.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); errno != 0 {
			return errno
		}
	}
	if err := l.setOptions(o); err != nil {
		return err
	}
	if errno := bind(l.FD, a); errno != 0 {
		return errno
	}
	if err := unix.Listen(l.FD, backlog); err != nil {
		return err
	}
	bound, errno := l.address()
	if errno != 0 {
		return errno
	}
	l.text = bound.String()
	return nil
}

// setOptions sets what the sockets that it accepts inherit.
func (l *Listener) setOptions(o Options) error {
	for _, set := range [...]func(int) syscall.Errno{noDelay, urgentInline, o.SetKeepalive} {
		if errno := set(l.FD); errno != 0 {
			return fmt.Errorf("set socket options: %w", errno)
		}
	}
	return nil
}

// SetOptions sets the options that sockets accepted from now on inherit. It is called by who accepts. The error
// wraps the Errno of setsockopt(2).
func (l *Listener) SetOptions(o Options) error {
	if l.path != "" {
		return nil // a unix socket's peer cannot be lost
	}
	if errno := o.Replace(l.FD); errno != 0 {
		return fmt.Errorf("set socket options of %s: %w", l, errno)
	}
	return nil
}

func (l *Listener) address() (netip.AddrPort, syscall.Errno) { return local(l.FD) }

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
	fd, _, errno := Connect(a)
	if errno == 0 {
		Close(fd)
	}
	if errno != unix.ECONNREFUSED {
		return unix.EADDRINUSE
	}
	return os.Remove(path)
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
	var from unix.RawSockaddrInet6 // room for both families; a unix socket's is cut off
	size := uint32(unsafe.Sizeof(from))
	n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.FD), uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, netip.AddrPort{}, errno
	}
	if l.path != "" { // unix sockets inherit nothing
		_ = urgentInline(int(n)) // kernels before 5.15 have no urgent bytes there
	}
	return int(n), source(&from, size), 0
}

// Waiting returns how many clients wait in the backlog. known is false for a unix socket, which does not tell. It costs 0.3 µs
// where an accept that finds nobody costs 1.6 µs.
func (l *Listener) Waiting() (clients int, known bool) {
	if l.path != "" {
		return 0, false
	}
	var info unix.TCPInfo
	// Of a listener Unacked is the length of its backlog (tcp_get_info in linux/net/ipv4/tcp.c); what is behind it is not asked for.
	size := uint32(unsafe.Offsetof(info.Unacked) + unsafe.Sizeof(info.Unacked))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(l.FD), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return int(info.Unacked), errno == 0
}
