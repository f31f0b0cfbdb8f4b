package relay

import (
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/session"
)

// TestBytesThatTheKernelTookNoneOfAreOfferedAgain stands for a machine that is out of memory for sockets: bytes wait for a
// client of whom nothing is under way, so that no event tells when it takes them.
func TestBytesThatTheKernelTookNoneOfAreOfferedAgain(t *testing.T) {
	l, pair := lone(t)
	c := l.slab.take()
	c.phase, c.route, c.session = relaying, rawRoute(), session.Accept(l.now, 0)
	c.client.fd, c.upstream.fd = int32(pair[0]), -1
	if !c.client.pending.add(l.pool, []byte("held")) {
		t.Fatal("no memory")
	}
	l.waitFor(c, session.Client)
	at, ok := l.timers.wheel.At(c.slot)
	if want := int64(l.now.After(offerAfter + time.Millisecond)); !ok || at > want {
		t.Fatalf("the connection is looked at %d ns too late, or never", at-want)
	}
	l.now = l.now.After(offerAfter + time.Millisecond) // a soon is rounded up
	l.timers.onDue(c)
	got := make([]byte, 10)
	if n, err := syscall.Read(pair[1], got); err != nil || string(got[:n]) != "held" {
		t.Errorf("the client got %q, %v", got[:max(n, 0)], err)
	}
	if c.client.hasPending() || c.lookAt != 0 {
		t.Error("bytes still wait")
	}
}
