package gateway

import (
	"testing"
	"time"
)

// beats are Ticks that end after a number of them.
type beats struct{ left *int }

func (b beats) Wait() bool { *b.left--; return *b.left >= 0 }
func (b beats) Stop()      {}

func TestTheRecordIsLookedAtOnTheWakeUpsOfThePolicyFile(t *testing.T) {
	looks, left := 0, 3
	ticks := recordTicks{beats{&left}, func() { looks++ }}
	for i := range 3 {
		if !ticks.Wait() || looks != i+1 {
			t.Fatalf("after beat %d: %d looks", i+1, looks)
		}
	}
	if ticks.Wait() || looks != 3 {
		t.Errorf("%d looks when there are no more beats, want 3", looks)
	}
}

func TestTheRecordHasARareWakeUpOfItsOwnWhereThePolicyFileBringsOne(t *testing.T) {
	for _, row := range []struct {
		name  string
		cfg   Config
		every time.Duration
	}{
		{"no file", Config{Every: time.Second}, recordEvery},
		{"a file that is read on demand", Config{File: "f"}, recordEvery},
		{"a file that is looked at every second", Config{File: "f", Every: time.Second}, recordSpare},
		{"a file that is looked at rarely", Config{File: "f", Every: time.Minute}, recordEvery},
	} {
		if got := row.cfg.ownRecordEvery(); got != row.every {
			t.Errorf("%s: every %v, want %v", row.name, got, row.every)
		}
	}
}

func TestALookAtTheRecordIsDueASecondAfterTheLast(t *testing.T) {
	r, start := newRecorder(), time.Unix(1000, 0)
	for _, row := range []struct {
		at  time.Duration
		due bool
	}{
		{0, true},
		{300 * time.Millisecond, false},
		{time.Second, true},
		{1500 * time.Millisecond, false}, // the record's own wake-up, half a second after the file's
		{1999 * time.Millisecond, true},
		{7 * time.Second, true}, // the file hangs
	} {
		if got := r.due(start.Add(row.at)); got != row.due {
			t.Errorf("at %v: due is %v", row.at, got)
		}
	}
}
