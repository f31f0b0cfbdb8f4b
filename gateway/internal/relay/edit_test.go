package relay

import (
	"net/netip"
	"testing"

	"idlegate/gateway/internal/reactor"
)

// TestAnEditThatComesAfterTheEndOpensNothing has a loop find both in its mailbox.
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
