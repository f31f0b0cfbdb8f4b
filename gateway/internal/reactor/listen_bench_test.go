//go:build linux

package reactor

import (
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BenchmarkParkedBesideAnother measures how soon a parked poller hears of a message that comes 200 µs after one for another
// poller. The median of what it reports does not depend on what else the machine does.
func BenchmarkParkedBesideAnother(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // the two, one that listens, and this one, which past the scheduler keeps its own
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first, second := answerer(b), answerer(b)
	var waits []time.Duration
	for b.Loop() {
		past(30 * time.Millisecond)
		ask(b, first)
		past(200 * time.Microsecond)
		start := time.Now()
		ask(b, second)
		waits = append(waits, time.Since(start))
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds()), "µs/median")
	b.ReportMetric(float64(waits[len(waits)*9/10].Microseconds()), "µs/p90")
}

// past waits past Go's scheduler, which would else look for the pollers' events itself.
func past(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// answerer returns a socket at whose other end a poller's loop sends everything back.
func answerer(b *testing.B) int {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	p, err := NewPoller()
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		b.Fatal(err)
	}
	if err := p.AddReader(fds[1], 1); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [8]byte
		for {
			if _, err := p.Wait(-1); err != nil {
				return
			}
			n, errno := Read(fds[1], buf[:])
			if n == 0 && errno == 0 {
				return
			}
			_, _ = Write(fds[1], buf[:n])
		}
	}()
	b.Cleanup(func() {
		Close(fds[0])
		<-done
		p.Close()
		Close(fds[1])
	})
	return fds[0]
}

// ask sends a byte and waits for it to come back.
func ask(b *testing.B, fd int) {
	var buf [1]byte
	if n, errno := Write(fd, buf[:]); n != 1 {
		b.Fatal(errno)
	}
	if n, errno := Read(fd, buf[:]); n != 1 {
		b.Fatal(errno)
	}
}
