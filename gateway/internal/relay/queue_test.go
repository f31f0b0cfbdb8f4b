package relay

import (
	"syscall"
	"testing"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// TestALookAtTheClientForgetsNoTurnOfTheUpstream gives an upstream more to read than one turn allows when a timer of the
// session is due. No edge comes for what lies there already.
func TestALookAtTheClientForgetsNoTurnOfTheUpstream(t *testing.T) {
	l, pair := lone(t)
	c := l.slab.take()
	c.phase, c.route = relaying, rawRoute()
	c.client.fd, c.upstream.fd = int32(pair[0]), int32(pair[1])
	l.backlog.add(c)
	l.timers.readUp(c, session.Client)
	if !c.queued {
		t.Error("the connection is in the list of those with more to read, and would be passed over")
	}
}

// rawRoute takes bytes as they come.
func rawRoute() *Route {
	return &Route{
		RouteStats: NewRouteStats("raw", 1), Pinned: &Pinned{},
		Rules: session.Rules{Protocol: protocol.NewFraming([2]protocol.Framer{protocol.NewRaw(), protocol.NewRaw()})},
	}
}

// lone returns a loop that nobody runs, and two sockets that are connected to
// each other.
func lone(t testing.TB) (*Loop, [2]int) {
	t.Helper()
	clock, err := reactor.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	gate := NewAdmission(1, Wait)
	l, err := New(Config{Clock: clock, Budget: NewBudget(1 << 20), Admission: gate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Discard)
	gate.Share([]*Loop{l})
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Close(pair[0])
		syscall.Close(pair[1])
	})
	return l, pair
}
