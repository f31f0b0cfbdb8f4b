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
			door := Door{Listener: anywhere(t), Route: rawRoute()}
			if err := l.Accept([]Door{door}); err != nil {
				t.Fatal(err)
			}
			accepts := true
			l.Post(func() { end(l) })
			l.Post(func() { accepts = l.Apply(&Edit{Doors: []Door{door}}) })
			l.readMail()
			if accepts || len(l.acceptor.doors) > 0 {
				t.Errorf("it says that it accepts: %v, and has %d doors, which it would close again", accepts, len(l.acceptor.doors))
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
