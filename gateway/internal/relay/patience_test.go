package relay

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

// TestALongTurnDoesNotPutTimersOff makes a turn last after the loop has read the clock for the last time, as one does whose
// mailbox has much in it.
func TestALongTurnDoesNotPutTimersOff(t *testing.T) {
	l, _ := lone(t)
	const turn = time.Minute
	began := deadline.Instant(l.cfg.Clock.Now())
	l.now = began - deadline.Instant(turn)
	due := began.After(time.Hour)
	c := l.slab.take()
	l.timers.wheel.Set(c.slot, int64(due))
	defer l.timers.wheel.Clear(c.slot)
	if wait := l.patience(); wait > due.Since(began) {
		t.Errorf("the loop would wait %v past the instant at which a timer is due", wait-due.Since(began))
	}
}
