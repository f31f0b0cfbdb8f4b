//go:build linux

package reactor

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhatListensAtAGivenSocketIsACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, at := range []Address{TCP(netip.MustParseAddrPort("127.0.0.1:0")), mustUnix(t, path)} {
		owner := listen(t, at, Options{})
		bound := at
		if !at.IsUnix() {
			bound = TCP(netip.MustParseAddrPort(owner.String()))
		}
		g, err := NewGiven([]int{owner.FD})
		if err != nil {
			t.Fatal(err)
		}
		if unused := g.Unused(); len(unused) != 1 || unused[0] != owner.String() {
			t.Errorf("unused are %q, want %s", unused, owner)
		}
		for range 2 { // closed, it can be had again
			l, known, err := g.Listen(bound, false, Options{})
			if err != nil || !known || l.FD == owner.FD || l.String() != owner.String() {
				t.Fatalf("%s: %v, %t, %v", bound, l, known, err)
			}
			client, _, errno := Connect(bound)
			if errno != 0 && errno != unix.EINPROGRESS {
				t.Fatal(errno)
			}
			p := poller(t)
			if err := p.AddListener(l.FD, 1); err != nil {
				t.Fatal(err)
			}
			await(t, p, 1, Readable)
			server, _, errno := l.Accept()
			if errno != 0 {
				t.Fatal(errno)
			}
			Close(server)
			Close(client)
			l.Close()
		}
		if unused := g.Unused(); len(unused) != 0 {
			t.Errorf("unused are %q", unused)
		}
	}
}

func TestAnotherAddressIsNotThatOfAGivenSocket(t *testing.T) {
	owner := listen(t, TCP(netip.MustParseAddrPort("127.0.0.1:0")), Options{})
	g, err := NewGiven([]int{owner.FD})
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(owner.String()).Port()
	for _, other := range []string{"127.0.0.2", "0.0.0.0", "::", "::1"} {
		at := TCP(netip.AddrPortFrom(netip.MustParseAddr(other), port))
		if l, known, err := g.Listen(at, true, Options{}); known {
			t.Errorf("%s: %v, %v", at, l, err)
		}
	}
	var none *Given
	if _, known, _ := none.Listen(TCP(netip.MustParseAddrPort(owner.String())), false, Options{}); known || none.Unused() != nil {
		t.Error("none knows an address")
	}
}

func TestOnlyListeningSocketsCanBeGiven(t *testing.T) {
	client, _ := pair(t, Options{})
	for name, fd := range map[string]int{"connected": client, "a file": 0} {
		if _, err := NewGiven([]int{fd}); err == nil || !strings.Contains(err.Error(), "which was given: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func mustUnix(t *testing.T, path string) Address {
	t.Helper()
	a, err := Unix(path)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAGivenSocketForgetsTheOptionsOfWhoListenedBefore(t *testing.T) {
	owner := listen(t, TCP(netip.MustParseAddrPort("127.0.0.1:0")), Options{})
	g, err := NewGiven([]int{owner.FD})
	if err != nil {
		t.Fatal(err)
	}
	bound := TCP(netip.MustParseAddrPort(owner.String()))
	for _, o := range []Options{{KeepaliveIdle: time.Minute, KeepaliveInterval: time.Second, KeepaliveCount: 3, UserTimeout: time.Minute}, {}} {
		l, _, err := g.Listen(bound, false, o)
		if err != nil {
			t.Fatal(err)
		}
		keepalive, err := unix.GetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		timeout, err2 := unix.GetsockoptInt(l.FD, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		if on := o.KeepaliveIdle > 0; (keepalive == 1) != on || time.Duration(timeout)*time.Millisecond != o.UserTimeout || err != nil || err2 != nil {
			t.Errorf("with %+v: keepalive %d, %v, user timeout %d ms, %v", o, keepalive, err, timeout, err2)
		}
		l.Close()
	}
}
