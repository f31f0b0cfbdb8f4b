//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"math"
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

// urgentInline has urgent bytes come in the stream. Else the kernel takes them out of it, and drops all but the last.
func urgentInline(fd int) syscall.Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1) }

// SetUserTimeout sets after how long the kernel gives up on a peer that acknowledges nothing; 0 leaves that to the kernel. It
// knows no more than some 24 days.
func SetUserTimeout(fd int, d time.Duration) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(min(d/time.Millisecond, math.MaxInt32)))
}

func noDelay(fd int) syscall.Errno { return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

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
	for _, set := range [...]func(int) syscall.Errno{noDelay, urgentInline} { // what it accepts inherits both
		if errno := set(l.FD); errno != 0 {
			return fmt.Errorf("set socket options: %w", errno)
		}
	}
	if errno := o.SetKeepalive(l.FD); errno != 0 {
		return fmt.Errorf("set socket options: %w", errno)
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

// SetLowWater has a socket show as Readable only when so many bytes lie there, or its peer has ended. Reads take fewer all the same.
func SetLowWater(fd, bytes int) syscall.Errno {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes)
}

func (l *Listener) address() (netip.AddrPort, syscall.Errno) { return local(l.FD) }

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

// newSocket goes past Go's scheduler as the calls in io.go do, and so do the others that a connection needs.
func newSocket(family int) (int, syscall.Errno) {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return int(fd), errno
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

// BindAddress has fd connect from an address. The port is left to connect, which knows where to: one that is taken there may be
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

// DescriptorLimit returns how many descriptors the process may have open. The error is that of getrlimit(2).
func DescriptorLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the descriptor limit: %w", err)
	}
	return int(min(limit.Cur, 1<<30)), nil
}
