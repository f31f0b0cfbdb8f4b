package relay

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// TestTimersAreInTimeWhileADrainWaitsForAMessage makes a message_timeout run out between two looks of the drain.
func TestTimersAreInTimeWhileADrainWaitsForAMessage(t *testing.T) {
	clock, err := reactor.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	line, err := protocol.NewDelimiter([]byte("\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &Route{RouteStats: NewRouteStats("r", 1), Pinned: &Pinned{}, Rules: session.Rules{Protocol: protocol.NewFraming([2]protocol.Framer{line, line})}}
	r.Rules.Enforced[deadline.Message] = time.Second
	l, err := New(Config{Clock: clock, Admission: NewAdmission(1, Wait), Budget: NewBudget(LeastBudget(1, 0))})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Discard()

	c := l.slab.take()
	c.phase, c.route, c.session = awaiting, r, session.Accept(l.now, 0)
	c.session.Received(&r.Rules, protocol.FromClient, session.Read{Bytes: []byte("not whole")}, l.now)
	began := l.now
	l.drain.SetDraining(drain.Order{Since: began, Within: time.Hour})
	l.now = began.After(time.Second - drainLook/2)
	l.timers.drainDue(c)
	if at, ok := l.timers.wheel.At(c.slot); !ok || at != int64(began.After(time.Second)) {
		t.Errorf("the connection is looked at %v after its message began, want 1s", deadline.Instant(at).Since(began))
	}
}

// TestAConnectionThatDrainsIsGivenTheReplyThatItIsOwed makes its turn to go come while a reply is owed.
func TestAConnectionThatDrainsIsGivenTheReplyThatItIsOwed(t *testing.T) {
	line, err := protocol.NewDelimiter([]byte("\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t, line)
	rules := &s.c.route.Rules
	rules.Protocol, rules.Pairs = protocol.NewRESP(protocol.Options{}), true
	s.c.session.Follow(rules)
	hear := func(from protocol.Direction, text string) {
		s.c.session.Received(rules, from, session.Read{Bytes: []byte(text), New: len(text)}, s.l.now)
	}
	hear(protocol.FromClient, "GET a\r\n")
	s.l.drain.SetDraining(drain.Order{Since: s.l.now, Within: time.Hour})
	if s.l.timers.drainDue(s.c); s.ended != session.Open {
		t.Fatalf("it ended as %v while its reply was owed", s.ended)
	}
	hear(protocol.FromUpstream, "+a\r\n")
	if s.l.timers.drainDue(s.c); s.ended != session.Drained {
		t.Errorf("it ended as %v after its reply", s.ended)
	}
}
