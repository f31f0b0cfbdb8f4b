package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
)

// busyTime is how long a loop has been at work, from a wake-up to the next wait that may last. It is made of the readings of the clock
// that a turn needs anyhow.
type busyTime struct {
	total time.Duration // of turns that are over
	began deadline.Instant
}

// waits notes that the loop is about to wait for so long; 0 is a look at what has come meanwhile, and belongs to the work.
func (b *busyTime) waits(now deadline.Instant, patience time.Duration) {
	if patience != 0 {
		b.total += now.Since(b.began)
	}
}

// woke notes that it has waited.
func (b *busyTime) woke(now deadline.Instant, patience time.Duration) {
	if patience != 0 {
		b.began = now
	}
}

// Busy returns how long the loop has been at work in all. It is called through Post.
func (l *Loop) Busy() time.Duration {
	l.tick()
	return l.busy.total + l.now.Since(l.busy.began)
}
