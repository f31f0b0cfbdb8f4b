package gateway_test

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The peers of these tests are system calls and nothing else, so that what is allocated is the gateway's doing, or Go's.

func mallocs() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// The wheel looks at the connection many times meanwhile, since each message moves its idle_timeout on. It is that of a dry run, so that
// a machine on which a message is long under way does not end the connection.
const allocRoute = oneRoute + `{long: {idle_timeout: 10m, dry_run: {idle_timeout: 300ms}}}}`

// asTimePasses is what Go and the gateway allocate in a time, however many messages there are.
func asTimePasses(began time.Time) uint64 { return uint64(time.Since(began).Seconds() * 60) }

func TestSmallMessagesAllocateNothing(t *testing.T) {
	g := start(t, allocRoute, plainBackend(t))
	client := plainClient(t, g.g.Addresses("r")[0])
	message := []byte(framed("This was a test for long Conn"))
	buf := make([]byte, len(message))
	const warm, messages = 1000, 20_000
	before, began := uint64(0), time.Now()
	for i := range warm + messages {
		if i == warm {
			before, began = mallocs(), time.Now()
		}
		writeAll(t, client, message)
		readAll(t, client, buf, len(message))
	}
	made := mallocs() - before
	if t.Logf("%d allocations, %d messages", made, messages); made > messages/100+asTimePasses(began) {
		t.Error("want none but a few of Go's own")
	}
	if got := g.route("r").Messages; got != [2]uint64{warm + messages, warm + messages} {
		t.Errorf("%d messages were counted", got)
	}
}

// TestHeldMessagesAllocateNothing lets bytes wait for peers that do not take them at once.
func TestHeldMessagesAllocateNothing(t *testing.T) {
	g := start(t, allocRoute, plainBackend(t))
	client := plainClient(t, g.g.Addresses("r")[0])
	message := []byte(framed(strings.Repeat("x", 1<<20)))
	buf := make([]byte, 64<<10)
	const warm, messages = 30, 300
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range warm + messages {
			writeAll(t, client, message)
		}
	})
	eventually(t, "bytes are held", func() bool { return g.buffered() > 0 })
	readAll(t, client, buf, warm*len(message))
	before, began := mallocs(), time.Now()
	readAll(t, client, buf, messages*len(message))
	made := mallocs() - before
	if t.Logf("%d allocations, %d MiB", made, messages); made > messages/2+asTimePasses(began) { // of 16 reads each, at least
		t.Error("want none but a few of Go's own")
	}
}

// plainBackend returns what its only client sends.
func plainBackend(t *testing.T) string {
	t.Helper()
	listener, address := listening(t, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_CLOEXEC)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer syscall.Close(fd)
		buf := make([]byte, 64<<10)
		for {
			n := read(fd, buf)
			if n <= 0 {
				return
			}
			writeAll(t, fd, buf[:n])
		}
	})
	t.Cleanup(func() {
		_ = syscall.Shutdown(listener, syscall.SHUT_RDWR) // ends an accept that goes on
		wg.Wait()
		syscall.Close(listener)
	})
	return address
}

// plainClient connects to address.
func plainClient(t *testing.T, address string) int {
	t.Helper()
	fd := socket(t)
	t.Cleanup(func() { syscall.Close(fd) })
	limit := syscall.NsecToTimeval(patience.Nanoseconds())
	if err := errors.Join(
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit),
		connect(fd, netip.MustParseAddrPort(address)),
	); err != nil {
		t.Fatal(err)
	}
	return fd
}

// read is a read that signals do not end, by which Go interrupts its threads: the kernel goes on by itself only where
// there is no time limit, see signal(7).
func read(fd int, buf []byte) int {
	for {
		n, err := syscall.Read(fd, buf)
		if err != syscall.EINTR {
			return n
		}
	}
}

func writeAll(t *testing.T, fd int, b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err != nil && err != syscall.EINTR {
			t.Errorf("write: %v", err)
			return
		}
		b = b[max(n, 0):]
	}
}

// readAll reads n bytes into buf.
func readAll(t *testing.T, fd int, buf []byte, n int) {
	for n > 0 {
		got := read(fd, buf[:min(n, len(buf))])
		if got <= 0 {
			t.Fatalf("no more can be read, with %d bytes missing", n)
		}
		n -= got
	}
}
