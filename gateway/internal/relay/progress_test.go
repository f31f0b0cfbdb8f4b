package relay

import (
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// stalled is a connection whose upstream, the other end of peer, does not take what waits for it.
func stalled(t *testing.T) (l *Loop, c *conn, peer int) {
	t.Helper()
	l, pair := lone(t)
	c = l.slab.take()
	c.phase, c.route, c.session = relaying, rawRoute(), session.Accept(l.now, 0)
	c.route.Rules.Enforced[deadline.UpstreamWrite] = time.Second
	c.client.fd, c.upstream.fd = -1, int32(pair[0])
	big := make([]byte, readSize)
	for {
		n, errno := reactor.Write(pair[0], big)
		if errno != 0 && errno != reactor.Again {
			t.Fatal(errno)
		}
		if n < len(big) {
			c.upstream.pending.add(l.pool, big[n:])
			l.waitFor(c, session.Upstream)
			return l, c, pair[1]
		}
	}
}

// TestAUnixUpstreamThatReadsLittleIsNotStalled makes one read less between two looks than the kernel gives back at once.
func TestAUnixUpstreamThatReadsLittleIsNotStalled(t *testing.T) {
	l, c, peer := stalled(t)
	for look := range 10 {
		before := c.session.Events.UpstreamWaits.Progressed
		if n, err := syscall.Read(peer, make([]byte, 4<<10)); n != 4<<10 || err != nil {
			t.Fatal(n, err)
		}
		l.now = l.now.After(time.Second / 8)
		l.timers.lookAtWrites(c, session.Upstream)
		if c.session.Events.UpstreamWaits.Progressed == before {
			t.Fatalf("look %d does not see that 4 KiB were read", look)
		}
	}
}

func TestAUnixUpstreamThatReadsNothingIsStalled(t *testing.T) {
	l, c, _ := stalled(t)
	l.timers.lookAtWrites(c, session.Upstream) // finds out what it has read, where the kernel told only its memory before
	moved := c.session.Events.UpstreamWaits.Progressed
	for range 10 {
		l.now = l.now.After(time.Second / 8)
		l.timers.lookAtWrites(c, session.Upstream)
	}
	if c.session.Events.UpstreamWaits.Progressed != moved {
		t.Error("nothing was read, and it counts as having moved")
	}
}
