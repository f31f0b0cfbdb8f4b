//go:build linux

package reactor

import (
	"sync"
	"testing"
	"time"
)

// TestParkedPollersHearOfEverything makes two of them wait for as long as it takes until they park, and for less, while one
// or both are woken. A wake-up that is lost leaves the test waiting.
func TestParkedPollersHearOfEverything(t *testing.T) {
	const rounds = 400
	pollers := [2]*Poller{poller(t), poller(t)}
	heard := [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	var waiting sync.WaitGroup
	for i, p := range pollers {
		waiting.Go(func() {
			for n := 0; n < rounds; {
				events, err := p.Wait(-1)
				if err != nil {
					t.Errorf("wait: %v", err)
					return
				}
				if events > 0 {
					n++
					heard[i] <- struct{}{}
				}
			}
		})
	}
	timer := time.NewTimer(0)
	<-timer.C
	for n := range rounds {
		timer.Reset(time.Duration(n%5) * time.Millisecond / 2) // so that they soon look
		if n%50 == 49 {
			timer.Reset(2 * looking) // and park
		}
		<-timer.C
		for i, p := range pollers {
			p.Wake()
			if n%2 == 0 {
				<-heard[i]
			}
		}
		if n%2 != 0 {
			<-heard[0]
			<-heard[1]
		}
	}
	waiting.Wait()
}

func TestParkingAllocatesNothing(t *testing.T) {
	p := poller(t)
	allocs := testing.AllocsPerRun(20, func() {
		if _, err := p.Wait(3 * time.Millisecond); err != nil { // it parks
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
