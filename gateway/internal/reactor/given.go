//go:build linux

package reactor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Given are listening sockets that the process was started with, as by a socket unit of systemd. They belong to who made them and
// stay open: what listens at one is a copy, which can be closed and made again. A nil Given has none.
type Given struct{ sockets []*given }

type given struct {
	fd   int
	at   Address
	used atomic.Bool // since the start
}

// NewGiven takes descriptors. The error names one that is not a listening stream socket of TCP or of a path.
func NewGiven(fds []int) (*Given, error) {
	g := &Given{}
	for _, fd := range fds {
		at, err := listeningAt(fd)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d, which was given: %w", fd, err)
		}
		g.sockets = append(g.sockets, &given{fd: fd, at: at})
	}
	return g, nil
}

// listeningAt returns where a socket listens.
func listeningAt(fd int) (Address, error) {
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return Address{}, fmt.Errorf("ask whether it listens: %w", err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || listens == 0 || kind != unix.SOCK_STREAM {
		return Address{}, errors.Join(errors.New("it is no listening stream socket"), err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return Address{}, fmt.Errorf("ask for its address: %w", err)
	}
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		return TCP(netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))), nil
	case *unix.SockaddrInet6:
		return TCP(netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port))), nil
	case *unix.SockaddrUnix:
		return Unix(at.Name)
	}
	return Address{}, errors.New("it is neither of TCP nor a unix socket")
}

// Listen is Listen at a socket that was given for a, and known is false where there is none. An IPv4 socket serves for every
// address of both families where there is no other.
func (g *Given) Listen(a Address, anyFamily bool, o Options) (l *Listener, known bool, err error) {
	if g == nil {
		return nil, false, nil
	}
	i := g.find(a)
	if i < 0 && anyFamily {
		i = g.find(TCP(netip.AddrPortFrom(netip.IPv4Unspecified(), a.ip.Port())))
	}
	if i < 0 {
		return nil, false, nil
	}
	l, err = g.sockets[i].listen(o)
	if err != nil {
		return nil, true, fmt.Errorf("listen at the socket that was given for %s: %w", a, err)
	}
	g.sockets[i].used.Store(true)
	return l, true, nil
}

func (g *Given) find(a Address) int {
	return slices.IndexFunc(g.sockets, func(s *given) bool { return s.at.text == a.text })
}

func (s *given) listen(o Options) (*Listener, error) {
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	l := &Listener{FD: fd, text: s.at.text}
	if err := l.adopt(s.at, o); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return l, nil
}

// adopt sets what Listen sets on a socket of its own. All copies of the socket share its options, so those of who listened at one before
// go.
func (l *Listener) adopt(at Address, o Options) error {
	if err := unix.SetNonblock(l.FD, true); err != nil {
		return err
	}
	if at.IsUnix() {
		l.path = at.Path() // made is nobody's, so that Unlink leaves it alone
		return nil
	}
	if err := l.setOptions(o); err != nil {
		return err
	}
	return l.SetOptions(o)
}

// Unused are the addresses of those that nothing has listened at yet.
func (g *Given) Unused() (all []string) {
	if g == nil {
		return nil
	}
	for _, s := range g.sockets {
		if !s.used.Load() {
			all = append(all, s.at.String())
		}
	}
	return all
}
