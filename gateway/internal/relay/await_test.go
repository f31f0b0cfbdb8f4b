package relay

import (
	"bytes"
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// begun returns a loop whose memory others have, and a connection that has a part of its first message and more in its socket.
func begun(t *testing.T) (*Loop, *conn, *Budget) {
	t.Helper()
	l, pair := lone(t)
	l.cfg.Reporter = nobody{}
	budget := l.cfg.Budget
	fixed := fixedRoute(t, 2000)
	fixed.Hold = 1 << 14
	c := l.slab.take()
	c.phase, c.route, c.id, c.session = awaiting, fixed, 7, session.Accept(l.now, 0)
	c.client, c.upstream = leg{fd: int32(pair[0]), readable: true}, leg{fd: -1}
	part := bytes.Repeat([]byte("x"), chunkSizes[0]) // there is no room behind it
	c.session.Received(c.rules(), protocol.FromClient, session.Read{Bytes: part, New: len(part)}, l.now)
	if !c.upstream.pending.add(l.pool, part) || !budget.take(int(budget.limit.Load()-reserve(1)-budget.Used()-1)) {
		t.Fatal("no memory")
	}
	if n, errno := reactor.Write(pair[1], []byte("more")); n != 4 || errno != 0 {
		t.Fatal(n, errno)
	}
	return l, c, budget
}

// TestWhoWaitsForMemoryWithAPartOfItsMessageGivesItBack makes a connection wait for memory behind another that finishes.
func TestWhoWaitsForMemoryWithAPartOfItsMessageGivesItBack(t *testing.T) {
	l, c, budget := begun(t)
	if !budget.finish(99) {
		t.Fatal("another finishes already")
	}
	before, since := budget.Used(), l.now
	l.pump(c, protocol.FromClient)
	for l.now = since; l.now < since.After(evictAfter-postponed); l.now = l.now.After(postponed) {
		if c.phase != awaiting || !c.isPostponed() || !c.session.Events.Paused() {
			t.Fatalf("after %v: phase %d, postponed %v", l.now.Since(since), c.phase, c.isPostponed())
		}
		l.timers.onDue(c)
	}
	for l.now <= since.After(evictAfter+postponed) && c.phase == awaiting {
		l.now = l.now.After(postponed)
		l.timers.onDue(c)
	}
	if c.session.Reason != session.Evicted {
		t.Errorf("it ended as %v after %v, want evicted", c.session.Reason, l.now.Since(since))
	}
	if gave := before - budget.Used(); gave != int64(chunkSizes[0]) {
		t.Errorf("%d bytes were given back", gave)
	}
}

// TestOneOfThoseWhoWaitForMemoryFinishes makes it go on with what the others leave.
func TestOneOfThoseWhoWaitForMemoryFinishes(t *testing.T) {
	l, c, budget := begun(t)
	l.pump(c, protocol.FromClient)
	if c.isPostponed() || c.session.FromClient.Bytes != uint64(chunkSizes[0]+4) {
		t.Fatalf("postponed %v, %d bytes", c.isPostponed(), c.session.FromClient.Bytes)
	}
	if budget.finish(99) {
		t.Error("two finish at once")
	}
	l.end(c, session.Killed)
	if !budget.finish(99) {
		t.Error("nobody else may finish though it has ended")
	}
}

// TestALowerHoldEndsAMessageThatHasMore makes an edit shorten what a first message may have.
func TestALowerHoldEndsAMessageThatHasMore(t *testing.T) {
	l, c, _ := begun(t)
	c.route.Hold = 100
	l.pump(c, protocol.FromClient)
	if c.session.Reason != session.MessageTooLarge {
		t.Errorf("it ended as %v", c.session.Reason)
	}
}

func fixedRoute(t *testing.T, size uint64) *Route {
	t.Helper()
	r := rawRoute()
	fixed, err := protocol.NewFixed(size, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Rules.Protocol = protocol.NewFraming([2]protocol.Framer{fixed, fixed})
	r.Rules.Bounded = true
	return r
}
