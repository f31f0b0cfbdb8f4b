package relay

import (
	"net/netip"
	"testing"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// TestAnEditThatComesAfterTheEndOpensNothing makes a loop find both in its mailbox.
func TestAnEditThatComesAfterTheEndOpensNothing(t *testing.T) {
	for name, end := range map[string]func(*Loop){
		"stop":  (*Loop).Stop,
		"drain": func(l *Loop) { l.Drain(0) },
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := lone(t)
			b := Binding{Listener: anywhere(t), Routes: Only(rawRoute())}
			if err := l.Accept([]Binding{b}); err != nil {
				t.Fatal(err)
			}
			accepts := true
			l.Post(func() { end(l) })
			l.Post(func() { accepts = l.Apply(&Edit{Bindings: []Binding{b}}) })
			l.readMail()
			if accepts || len(l.acceptor.bindings) > 0 {
				t.Errorf("it says that it accepts: %v, and has %d bindings, which it would close again", accepts, len(l.acceptor.bindings))
			}
		})
	}
}

// anywhere returns a listener that the loop closes.
func anywhere(t *testing.T) *reactor.Listener {
	t.Helper()
	l, err := reactor.Listen(reactor.TCP(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)), false, reactor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAConnectionWithoutAnUpstreamGetsTheOneOfTheEdit makes an edit come while connections stand in each phase.
func TestAConnectionWithoutAnUpstreamGetsTheOneOfTheEdit(t *testing.T) {
	for p, follows := range map[phase]bool{shaking: true, awaiting: true, dialling: false, relaying: false} {
		l, _ := lone(t)
		before := rawRoute()
		before.Protocol, before.Upstream = before.Rules.Protocol, NewUpstream("before", 1)
		pinned := *before.Pinned
		pinned.Upstream = NewUpstream("after", 1)
		after := *before
		after.Pinned = &pinned
		c := l.slab.take()
		c.phase, c.route, c.session = p, before, session.Accept(l.now, 0)
		l.Apply(&Edit{Routes: map[*RouteStats]*Route{before.RouteStats: &after}})
		if got := c.route.Upstream == pinned.Upstream; got != follows {
			t.Errorf("in phase %d the connection has upstream %s", p, c.route.Upstream.Name)
		}
	}
}
