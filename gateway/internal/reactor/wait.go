//go:build linux

package reactor

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rest is whether a poller looks or parks when it waits: see parking for the table of both. One that is parked waits in Go's poller.
// The thread that hears of its events there runs it, and is back when it parks again, so that some thread listens for the others but for
// the microseconds between. One that is looking waits in its own epoll set, past Go's scheduler, see look, which costs 4 µs less a wait;
// it keeps its thread, hence startNetpoller.
//
// At first a poller that had parked looked for 1 ms before it parked again. Meanwhile no thread listened for the others: the
// 99th percentile of heartbeats was that millisecond.
type rest struct {
	looking     bool
	parks       int       // that brought events, since since
	needed      int       // of them, before the poller looks
	since       time.Time // when counting began
	interrupted uint32    // interruptions that it knows of
}

const (
	looking   = 100 * time.Millisecond // a look lasts
	settled   = 8                      // parks after which a poller looks
	lively    = 20 * time.Millisecond  // from one of them to the next on average, at most
	shortSpin = 32                     // parks after an interruption
)

// interruptions counts how often Go's scheduler has interrupted a look by a signal, as it does where it wants the processor
// or the world to stop. It is one for the process, as the scheduler is.
//
// Mostly that is sysmon, which does it every 10 ms once awake, and falls asleep only when it finds every processor idle. So all
// pollers park for the next shortSpin times at once, which is longer than 10 ms unless there is much to do, and are mostly
// parked at its next round. CPU of heartbeats, of HAProxy's: 0.94 (0.82..0.95) where they looked on, 0.83 (0.82..0.85) where
// only the one that was interrupted parked.
var interruptions atomic.Uint32

func restless(needed int) rest {
	return rest{needed: needed, since: time.Now(), interrupted: interruptions.Load()}
}

// Wait waits for events until timeout is over; less than 0 is for ever. The timeout is rounded up to milliseconds, so
// that a timer is never found to be early, but a signal, as the runtime sends them, may cut it short. It returns how many
// there are for Event. The error is that of epoll_pwait(2) or of Go's poller, and the poller is of no use then; a signal is none.
func (p *Poller) Wait(timeout time.Duration) (int, error) {
	p.count = 0
	first := p.rest.patience()
	if timeout >= 0 {
		first = min(first, timeout)
	}
	n, errno := p.look(first)
	if n == 0 && errno == 0 && first != timeout {
		if p.rest.looking {
			p.rest = restless(settled)
		}
		if err := p.parking.wait(timeout - first); err != nil { // for ever is less than 0 and stays so
			return 0, fmt.Errorf("wait for events: %w", err)
		}
		if n, errno = p.look(0); n > 0 && p.rest.woken() {
			if err := p.parking.unbound(); err != nil {
				return 0, fmt.Errorf("wait for events: %w", err)
			}
			go startNetpoller()
		}
	}
	if errno == unix.EINTR {
		interruptions.Add(1)
		return 0, nil
	}
	if errno != 0 {
		return 0, fmt.Errorf("wait for events: %w", errno)
	}
	p.count = n
	return n, nil
}

// patience returns how long to look before parking.
func (r *rest) patience() time.Duration {
	if interruptions.Load() != r.interrupted {
		*r = restless(shortSpin)
	}
	if r.looking {
		return looking
	}
	return 0
}

// woken notes that a park has brought events, and reports whether the poller looks from now on.
func (r *rest) woken() bool {
	if r.parks++; r.parks < r.needed {
		return false
	}
	now := time.Now()
	r.looking = now.Sub(r.since) <= time.Duration(r.needed)*lively
	r.parks, r.needed, r.since = 0, settled, now
	return r.looking
}

// startNetpoller does nothing, but makes the runtime wake a thread for it, which then waits in Go's poller. The one that waited there
// runs a loop now, and does not come back before that parks again; another loop that has parked, and every other goroutine
// that waits for a descriptor, would not hear of theirs meanwhile. (The 99th percentile of heartbeats was 411 ms without it.)
func startNetpoller() {}

// look waits without telling Go's scheduler, which makes a wait as cheap as one in C. One that the scheduler is told of wakes
// sysmon, see parking. CPU in units of HAProxy 2.6, waiting told, told after a look of 1 ms, and as it is now
// (`go run ./cmd/idlebench` measures it again):
//
//	round trips, 1 connection       1.01  1.15  0.92
//	round trips, 64 connections     1.02  0.94  0.85
//	pipelined 16 deep               1.07  1.03  0.90
//	heartbeats, 8,000 connections   2.9   1.47  0.83
//
// The price is that a waiting loop keeps a processor of the scheduler's, so there must be one more of them than loops.
func (p *Poller) look(timeout time.Duration) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])), batch, milliseconds(timeout), 0, 0)
	return int(n), errno
}
