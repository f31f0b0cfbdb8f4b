//go:build linux

package reactor

import (
	"context"
	"testing"
	"time"
)

func TestAPulseBeatsAgainAndAgainAndNeverEarly(t *testing.T) {
	const every, beats = 20 * time.Millisecond, 6
	began := time.Now() // not later: what beats while nobody waits is there at once
	p, err := NewPulse(t.Context(), every, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for range beats {
		if !p.Wait() {
			t.Fatal("it has stopped")
		}
	}
	if took := time.Since(began); took < (beats-1)*every { // the first comes within every
		t.Errorf("%d beats took %v", beats, took)
	}
}

func TestAPulseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := NewPulse(ctx, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	waited := make(chan bool)
	go func() { waited <- p.Wait() }()
	cancel()
	if <-waited {
		t.Error("an hour has passed")
	}
	if p.Wait() {
		t.Error("it beats after its end")
	}
}

func TestAPulseBeatsInItsPhase(t *testing.T) {
	const every = time.Second
	clock, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	before := clock.Now()
	p, err := NewPulse(t.Context(), every, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if !p.Wait() {
		t.Fatal("it has stopped")
	}
	due := (before/int64(every)+1)*int64(every) + int64(300*time.Millisecond)
	if now := clock.Now(); now < due {
		t.Errorf("it beats %v early", time.Duration(due-now))
	}
}
