package relay

import (
	"math/rand/v2"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

func TestSoonIsNeverEarly(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		at := deadline.Instant(1 + random.Int64N(int64(200*24*time.Hour))) // the millisecond is written in 32 bits for 49 days
		if random.IntN(10) == 0 {
			at = at/1e6*1e6 + deadline.Instant(random.IntN(3)) // at the turn of a millisecond
		}
		now := max(1, at-deadline.Instant(random.Int64N(int64(20*24*time.Hour)))+deadline.Instant(random.Int64N(int64(time.Hour))))
		if got := soonAt(at).at(now); got < at || got > at.After(2*time.Millisecond) {
			t.Fatalf("seen from %d, %d is %d: %v away", now, at, got, got.Since(at))
		}
	}
	if got := soon(0).at(5); got != deadline.Never {
		t.Errorf("none is at %d", got)
	}
}
