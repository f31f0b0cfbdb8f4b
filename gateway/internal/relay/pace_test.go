package relay

import (
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// TestWhatAnUpstreamTakesIsCounted makes one take some bytes between looks, and by a write that leaves others waiting.
func TestWhatAnUpstreamTakesIsCounted(t *testing.T) {
	l, c, peer := stalled(t)
	c.route.Rules.Enforced[deadline.ClientRate], c.route.Rules.Enforced[deadline.UpstreamRate] = time.Minute, time.Minute
	c.route.Rules.Least = 1 << 30
	c.session.Follow(c.rules())
	l.timers.lookAtWrites(c, session.Upstream) // finds out what it has read, where the kernel told only its memory before
	window := &c.session.Events.Pace().Upstream
	window.Got = 0
	buf := make([]byte, 4<<10)
	for range 3 {
		if n, err := syscall.Read(peer, buf); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
		l.timers.lookAtWrites(c, session.Upstream)
	}
	if window.Got != 3*4<<10 {
		t.Errorf("%d bytes are counted, of the 12 KiB that it took", window.Got)
	}
	for c.leg(session.Upstream).hasPending() {
		if n, err := syscall.Read(peer, buf); n <= 0 || err != nil {
			t.Fatal(n, err)
		}
		l.flush(c, session.Upstream)
	}
	if c.session.Events.Due(deadline.UpstreamRate, &c.rules().Enforced) != deadline.Never {
		t.Error("its rate is counted though nothing waits")
	}
}
