//go:build linux

package reactor

import (
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestAListenerKnowsHowManyClientsWait(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listen(t, TCP(netip.MustParseAddrPort(address)), Options{})
		for clients := range 4 {
			expectWaiting(t, l, clients)
			connectTo(t, l)
		}
		for clients := 3; clients >= 0; clients-- {
			fd, _, errno := l.Accept()
			if errno != 0 {
				t.Fatal(errno)
			}
			Close(fd)
			expectWaiting(t, l, clients)
		}
	}
}

// expectWaiting waits until as many clients as have connected are in the backlog, and no more.
func expectWaiting(t *testing.T, l *Listener, clients int) {
	t.Helper()
	have, known := l.Waiting()
	for end := time.Now().Add(patience); have < clients && time.Now().Before(end); have, known = l.Waiting() {
		runtime.Gosched()
	}
	if have != clients || !known {
		t.Errorf("%s: %d clients wait, %t, not %d", l, have, known, clients)
	}
}

func TestAUnixListenerDoesNotTellHowManyClientsWait(t *testing.T) {
	a, err := Unix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	if _, known := listen(t, a, Options{}).Waiting(); known {
		t.Error("it does")
	}
}

// connectTo connects a client and waits until that is done.
func connectTo(t *testing.T, l *Listener) {
	t.Helper()
	client, _, errno := Connect(TCP(netip.MustParseAddrPort(l.String())))
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() { Close(client) })
	p := poller(t)
	if err := p.Add(client, 1); err != nil {
		t.Fatal(err)
	}
	await(t, p, 1, Writable)
}

func BenchmarkEmptyBacklog(b *testing.B) {
	l, err := Listen(TCP(netip.MustParseAddrPort("127.0.0.1:0")), false, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.Run("accept", func(b *testing.B) {
		for b.Loop() {
			if _, _, errno := l.Accept(); errno != Again {
				b.Fatal(errno)
			}
		}
	})
	b.Run("asked", func(b *testing.B) {
		for b.Loop() {
			if n, known := l.Waiting(); n != 0 || !known {
				b.Fatal(n, known)
			}
		}
	})
}
