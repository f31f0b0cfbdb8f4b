//go:build linux

package reactor

import (
	"testing"
	"time"
)

// parksUntilItLooks returns how many parks that bring events it takes.
func parksUntilItLooks(t *testing.T, r *rest) int {
	t.Helper()
	for parks := 1; parks <= 1000; parks++ {
		if r.patience() != 0 {
			t.Fatal("it looks though it has parked too little")
		}
		if r.woken() {
			return parks
		}
	}
	t.Fatal("it never looks")
	return 0
}

func TestAPollerLooksWhenEventsFollowEachOther(t *testing.T) {
	r := restless(settled)
	r.since = time.Now().Add(time.Hour) // however slow the machine is, they follow each other
	if parks := parksUntilItLooks(t, &r); parks != settled || r.patience() != looking {
		t.Errorf("after %d parks it looks for %v", parks, r.patience())
	}
}

func TestAPollerParksWhileEventsAreRare(t *testing.T) {
	r := restless(settled)
	for range 3 {
		r.since = time.Now().Add(-settled*lively - time.Second)
		for range settled {
			if r.woken() || r.patience() != 0 {
				t.Fatal("it looks")
			}
		}
	}
}

func TestAnInterruptionParksEveryPoller(t *testing.T) {
	r := restless(settled)
	r.since = time.Now().Add(time.Hour)
	parksUntilItLooks(t, &r)
	interruptions.Add(1) // of another poller
	if r.patience() != 0 {
		t.Fatal("it looks on")
	}
	r.since = time.Now().Add(time.Hour)
	if parks := parksUntilItLooks(t, &r); parks != shortSpin {
		t.Errorf("it parked %d times", parks)
	}
}

func TestAPollerLeavesNoTimerBehindWhenItLooks(t *testing.T) {
	p := poller(t)
	p.rest.since = time.Now().Add(time.Hour)
	for !p.rest.looking {
		timer := time.AfterFunc(time.Millisecond, p.Wake)
		if n, err := p.Wait(time.Hour); n == 0 || err != nil {
			t.Fatalf("%d events, %v", n, err)
		}
		timer.Stop()
	}
	if p.parking.bounded {
		t.Error("the last wait's is still set")
	}
}
