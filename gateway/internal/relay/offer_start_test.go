package relay

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// TestABeginningThatTheKernelTookNoneOfIsOfferedAgain writes the first message to an upstream, and flushes what is held,
// where the kernel takes nothing and has nothing under way.
func TestABeginningThatTheKernelTookNoneOfIsOfferedAgain(t *testing.T) {
	for name, write := range map[string]func(*Loop, *conn){
		"start": (*Loop).start,
		"flush": func(l *Loop, c *conn) { l.flush(c, session.Upstream) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, protocol.NewRaw())
			reactor.Close(int(s.c.upstream.fd))
			s.c.upstream.fd = int32(unanswered(t))
			if !s.c.upstream.pending.add(s.l.pool, []byte("hello")) {
				t.Fatal("no memory")
			}
			write(s.l, s.c)
			if s.c.upstream.pending.empty() {
				t.Fatal("the kernel took it")
			}
			at, ok := s.l.timers.wheel.At(s.c.slot)
			if want := int64(s.l.now.After(offerAfter + time.Millisecond)); !ok || at > want {
				t.Errorf("the connection is looked at %d ns too late, or never", at-want)
			}
		})
	}
}

// unanswered returns a socket that takes no bytes and has none under way: nobody answers its SYN.
func unanswered(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	full := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 10 {
		client, _, errno := reactor.Connect(reactor.TCP(full))
		if errno != 0 {
			t.Fatal(errno)
		}
		t.Cleanup(func() { reactor.Close(client) })
		if _, errno := reactor.Write(client, []byte("x")); errno == reactor.Again {
			return client
		}
	}
	t.Fatal("every SYN is answered")
	return -1
}
