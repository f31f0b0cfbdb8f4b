//go:build linux

package reactor

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const patience = time.Minute

// pair returns the two ends of a TCP connection through a listener with options o. They stay open unless the test closes
// them; the process ends soon.
func pair(t *testing.T, o Options) (client, server int) {
	t.Helper()
	l := listen(t, TCP(netip.MustParseAddrPort("127.0.0.1:0")), o)
	client, _, errno := Connect(TCP(netip.MustParseAddrPort(l.String())))
	if errno != 0 {
		t.Fatal(errno)
	}
	p := poller(t)
	if err := p.AddListener(l.FD, 1); err != nil {
		t.Fatal(err)
	}
	await(t, p, 1, Readable)
	server, from, errno := l.Accept()
	if errno != 0 {
		t.Fatal(errno)
	}
	if !from.Addr().IsLoopback() {
		t.Errorf("the client comes from %v", from)
	}
	return client, server
}

func listen(t *testing.T, a Address, o Options) *Listener {
	t.Helper()
	l, err := Listen(a, false, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func poller(t *testing.T) *Poller {
	t.Helper()
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// await waits until token is ready for what is wanted.
func await(t *testing.T, p *Poller, token uint64, want Ready) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, err := p.Wait(patience)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if got, ready, _ := p.Event(i); got == token && ready.Any(want) {
				return
			}
		}
	}
	t.Fatalf("token %d did not become ready for %b", token, want)
}

func TestTokensAreWholeAndEdgesComeOnce(t *testing.T) {
	client, server := pair(t, Options{})
	p := poller(t)
	const token = 0x7fff_ffff_8000_0001
	if err := p.Add(server, token); err != nil {
		t.Fatal(err)
	}
	await(t, p, token, Writable)
	if n, errno := Write(client, []byte("hello")); n != 5 || errno != 0 {
		t.Fatal(n, errno)
	}
	await(t, p, token, Readable)
	if n, err := p.Wait(0); n != 0 || err != nil {
		t.Errorf("the same edge came again: %d events, %v", n, err)
	}
	buf := make([]byte, 16)
	if n, errno := Peek(server, buf); n != 5 || errno != 0 {
		t.Errorf("peek: %d, %v", n, errno)
	}
	if n, errno := Read(server, buf); string(buf[:n]) != "hello" || errno != 0 {
		t.Errorf("read: %q, %v", buf[:n], errno)
	}
	if _, errno := Read(server, buf); errno != Again {
		t.Errorf("read of nothing: %v, want Again", errno)
	}
}

func TestFINAndResetAreToldApart(t *testing.T) {
	t.Run("FIN", func(t *testing.T) {
		client, server := pair(t, Options{})
		p := poller(t)
		if err := p.Add(server, 7); err != nil {
			t.Fatal(err)
		}
		if errno := CloseWrite(client); errno != 0 {
			t.Fatal(errno)
		}
		await(t, p, 7, PeerClosed)
		if n, errno := Read(server, make([]byte, 1)); n != 0 || errno != 0 {
			t.Errorf("read at FIN: %d, %v", n, errno)
		}
	})
	t.Run("reset", func(t *testing.T) {
		client, server := pair(t, Options{})
		p := poller(t)
		if err := p.Add(client, 7); err != nil {
			t.Fatal(err)
		}
		Abort(server)
		await(t, p, 7, Failed)
		if _, errno := Read(client, make([]byte, 1)); !IsReset(errno) {
			t.Errorf("read after a reset: %v", errno)
		}
	})
}

func TestWake(t *testing.T) {
	p := poller(t)
	for range 3 { // each call is an edge, also while nobody waits
		p.Wake()
		n, err := p.Wait(patience)
		if n != 1 || err != nil {
			t.Fatalf("%d events, %v", n, err)
		}
		if _, _, woken := p.Event(0); !woken {
			t.Fatal("an event that is no wake-up")
		}
	}
}

func TestWaitIsNeverShort(t *testing.T) {
	p := poller(t)
	for _, d := range []time.Duration{time.Nanosecond, 1500 * time.Microsecond, 10*time.Millisecond + 1} {
		longest := time.Duration(0) // a signal may cut any of them short, but not all
		for range 10 {
			began := time.Now()
			if n, err := p.Wait(d); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			longest = max(longest, time.Since(began))
		}
		if longest < d {
			t.Errorf("waited %v instead of %v", longest, d)
		}
	}
}

// TestWaitIsNoLongerThanItMust looks at the third of many waits that were shortest: signals cut some short, and others
// are held up by whatever else the machine does.
func TestWaitIsNoLongerThanItMust(t *testing.T) {
	p := poller(t)
	var took []time.Duration
	for range 30 {
		began := time.Now()
		if n, err := p.Wait(time.Millisecond); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		took = append(took, time.Since(began))
	}
	if best := slices.Min(took); best >= 2*time.Millisecond { // others wait for the processor
		t.Errorf("waits of 1 ms took %v", took)
	}
}

func TestAcceptedSocketsInheritTheOptions(t *testing.T) {
	_, server := pair(t, Options{KeepaliveIdle: 61 * time.Second, KeepaliveInterval: 1500 * time.Millisecond, KeepaliveCount: 3, UserTimeout: 90 * time.Second})
	for _, row := range []struct {
		name          string
		level, option int
		want          int
	}{
		{"no delay", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"keepalive idle", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 61},
		{"keepalive interval, rounded up", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 2},
		{"keepalive count", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		{"user timeout", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 90_000},
	} {
		if got, err := unix.GetsockoptInt(server, row.level, row.option); got != row.want || err != nil {
			t.Errorf("%s: %d, %v; want %d", row.name, got, err, row.want)
		}
	}
}

func TestUnixListeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	address, err := Unix(path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := Listen(address, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v; want 0660", info.Mode(), err)
	}
	if _, err := Listen(address, false, Options{}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second listener: %v, want it to be refused", err)
	}
	unix.Close(first.FD) // as by a crash: the path stays
	second, err := Listen(address, false, Options{})
	if err != nil {
		t.Fatalf("a stale socket is not replaced: %v", err)
	}
	first.Unlink() // the path is the successor's now
	if _, err := os.Stat(path); err != nil {
		t.Error("the successor's socket was removed")
	}
	second.Close()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the path stays after Close: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(address, false, Options{}); err == nil {
		t.Error("a file that is no socket was replaced")
	}
}

func TestConnectFailures(t *testing.T) {
	l, err := Listen(TCP(netip.MustParseAddrPort("127.0.0.1:0")), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	address := TCP(netip.MustParseAddrPort(l.String()))
	l.Close()
	fd, pending, errno := Connect(address)
	if errno == 0 && pending {
		p := poller(t)
		if err := p.Add(fd, 1); err != nil {
			t.Fatal(err)
		}
		await(t, p, 1, Failed)
		errno = TakeError(fd)
		Close(fd)
	}
	if !IsRefused(errno) {
		t.Errorf("nobody listens there: %v", errno)
	}
	missing, err := Unix(filepath.Join(t.TempDir(), "nobody"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, errno := Connect(missing); !IsRefused(errno) {
		t.Errorf("no such socket: %v", errno)
	}
	if !IsExhausted(syscall.EMFILE) || IsExhausted(syscall.ECONNREFUSED) {
		t.Error("IsExhausted tells wrong")
	}
}

func TestUnsentShrinksAsThePeerReads(t *testing.T) {
	client, server := pair(t, Options{})
	big, total := make([]byte, 1<<20), 0
	for {
		n, errno := Write(client, big)
		if errno == Again {
			break
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		total += n
	}
	full := Unacked(client)
	if full == 0 || full > total {
		t.Fatalf("%d of %d bytes unsent", full, total)
	}
	for end := time.Now().Add(patience); Unacked(client) >= full; {
		if time.Now().After(end) {
			t.Fatal("nothing was acknowledged")
		}
		if _, errno := Read(server, big); errno != 0 && errno != Again {
			t.Fatal(errno)
		}
	}
}

func TestClockIsTheKernels(t *testing.T) {
	c, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	var ts unix.Timespec
	before := c.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	after := c.Now()
	const slack = int64(pairedWithin)
	if ts.Nano() < before-slack || ts.Nano() > after+slack {
		t.Errorf("the clock says %d to %d, the kernel %d", before, after, ts.Nano())
	}
	if wall := time.Since(c.Wall(after)); wall < -time.Second || wall > time.Second {
		t.Errorf("Wall is off by %v", wall)
	}
}
