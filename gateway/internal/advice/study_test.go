package advice

import (
	"testing"
	"time"
)

func TestWhatCouldNotBeSeenIsUnknown(t *testing.T) {
	cutAt := func(tails ...time.Duration) (tally Tally) {
		for _, tail := range tails {
			tally.Ended(time.Second, tail, true)
		}
		return tally
	}
	for _, row := range []struct {
		rule string
		in   Input
		from time.Duration // the shortest candidate that is unknown, 0: none is
	}{
		{"nothing was cut, under a timeout that is off", Input{Counted: 30 * day}, 0},
		{"nothing was cut, under a timeout in force", Input{Counted: 30 * day, InForce: time.Minute}, 0},
		{"cut under the timeout in force, a little late", Input{Counted: 30 * day, InForce: time.Minute, Ended: cutAt(time.Minute + 1)}, time.Minute},
		{"cut under one that lies between candidates", Input{Counted: 30 * day, InForce: 50 * time.Second, Ended: cutAt(51 * time.Second)}, time.Minute},
		{"cut under a shorter one than that of now", Input{Counted: 30 * day, InForce: time.Hour, Ended: cutAt(time.Hour, 30*time.Second)}, 30 * time.Second},
		{"cut under a longer one than that of now", Input{Counted: 30 * day, InForce: time.Minute, Ended: cutAt(time.Hour)}, time.Minute},
		{"cut under one that is off now", Input{Counted: 30 * day, Ended: cutAt(45 * time.Second)}, 45 * time.Second},
		{"counted for no longer than the candidate", Input{Counted: 10 * time.Minute}, 10 * time.Minute},
		{"counted for a little longer", Input{Counted: 10*time.Minute + 1}, 15 * time.Minute},
	} {
		for _, got := range For(row.in).Rows {
			if want := row.from > 0 && got.Candidate >= row.from; got.Unknown != want {
				t.Errorf("%s: %v unknown %t, want %t", row.rule, got.Candidate, got.Unknown, want)
			}
		}
	}
}

func TestAdviceIsOfEndedAndOpenConnections(t *testing.T) {
	in := traceInput(readTrace(t))
	got := For(in)
	if got.Connections != 42 || got.Open != 5 || got.Spoke != 38 || got.Cut != 7 || got.LongestQuiet != 45*time.Second {
		t.Errorf("%d connections, %d open, %d spoke, %d cut, longest %v", got.Connections, got.Open, got.Spoke, got.Cut, got.LongestQuiet)
	}
}
