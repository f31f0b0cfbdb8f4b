//go:build linux

package reactor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC in nanoseconds, as every process of the machine sees it, so that instants outlive this
// one. It uses time.Since, which reads the same clock through the vDSO (40 ns) where x/sys/unix makes a system
// call (4 times that).
type Clock struct {
	start  time.Time
	offset int64 // CLOCK_MONOTONIC at start
}

// NewClock returns a clock that agrees with CLOCK_MONOTONIC to half of pairedWithin. The error is that of clock_gettime(2).
func NewClock() (*Clock, error) { return pairClock(time.Now, monotonic) }

func monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("read the monotonic clock: %w", err)
	}
	return ts.Nano(), nil
}

// Reading a clock between two readings of another one tells their difference to half of the time between these two. A
// thread that is preempted meanwhile would be wrong by as long as others ran, so this is tried until it takes no longer than
// pairedWithin, at most pairings times; then the best is as good as the machine lets it be.
const (
	pairedWithin = time.Microsecond
	pairings     = 1000
)

// pairClock returns the clock now() that tells the time of other.
func pairClock(now func() time.Time, other func() (int64, error)) (*Clock, error) {
	best := &Clock{}
	shortest := time.Duration(-1)
	for range pairings {
		start := now()
		at, err := other()
		if err != nil {
			return nil, err
		}
		took := now().Sub(start)
		if shortest < 0 || took < shortest {
			best, shortest = &Clock{start: start, offset: at - int64(took/2)}, took
		}
		if shortest <= pairedWithin {
			break
		}
	}
	return best, nil
}

// Now returns the monotonic time in nanoseconds.
func (c *Clock) Now() int64 { return c.offset + int64(time.Since(c.start)) }

// Wall returns the wall-clock time of a monotonic instant.
func (c *Clock) Wall(at int64) time.Time { return c.start.Add(time.Duration(at - c.offset)) }
