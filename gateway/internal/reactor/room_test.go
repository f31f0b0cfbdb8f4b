//go:build linux

package reactor

import (
	"testing"

	"golang.org/x/sys/unix"
)

// unixPair returns the two ends of a connection of unix sockets.
func unixPair(t *testing.T) (here, there int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Close(fds[0])
		Close(fds[1])
	})
	return fds[0], fds[1]
}

// exchanged writes to here and takes it off there, of which a unix socket tells here as Writable.
func exchanged(t *testing.T, here, there int) {
	t.Helper()
	b := make([]byte, 8)
	if n, errno := Write(here, b); n != len(b) || errno != 0 {
		t.Fatalf("%d, %v", n, errno)
	}
	if n, errno := Read(there, b); n != len(b) || errno != 0 {
		t.Fatalf("%d, %v", n, errno)
	}
}

func TestAUnixSocketTellsOfRoomOnlyWhileThatIsAwaited(t *testing.T) {
	here, there := unixPair(t)
	p := poller(t)
	const token = 7
	if err := p.AddReader(here, token); err != nil {
		t.Fatal(err)
	}
	quiet := func(when string) {
		t.Helper()
		exchanged(t, here, there)
		if n, err := p.Wait(0); n != 0 || err != nil {
			t.Errorf("%s: %d events, %v", when, n, err)
		}
	}
	if n, _ := p.Wait(0); n == 1 { // the poller's own
		t.Error("an event of a socket that has nothing to read")
	}
	quiet("nothing waits")
	if err := p.AwaitRoom(here, token); err != nil {
		t.Fatal(err)
	}
	await(t, p, token, Writable) // there was room already
	exchanged(t, here, there)
	await(t, p, token, Writable)
	if err := p.ForgetRoom(here, token); err != nil {
		t.Fatal(err)
	}
	quiet("nothing waits any more")
	if n, errno := Write(there, []byte("x")); n != 1 || errno != 0 {
		t.Fatalf("%d, %v", n, errno)
	}
	await(t, p, token, Readable)
}
