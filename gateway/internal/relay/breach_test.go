package relay

import (
	"fmt"
	"strings"
	"testing"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// breaches is a reporter that keeps how protocols were broken.
type breaches struct {
	*scene
	last *ledger.Breach
}

func (b *breaches) Ended(e ledger.Ended) {
	b.last = e.Breach
	b.scene.Ended(e)
}

// TestABreachIsFoundWhereItIs makes a stream break wherever it is cut, with plenty of memory and with little.
func TestABreachIsFoundWhereItIs(t *testing.T) {
	rule := protocol.LengthField{Magic: []byte("OK"), Offset: 2, Size: 1}
	sound := strings.Repeat("OK\x04ping", 20)
	for _, scarce := range []bool{false, true} {
		for _, cut := range []int{0, 1, 5, len(sound), len(sound) + 2} {
			t.Run(fmt.Sprintf("scarce=%v/cut=%d", scarce, cut), func(t *testing.T) {
				s := newBeating(t, must(protocol.NewLengthField(rule)), "pong")
				heard := &breaches{scene: s.scene}
				s.l.cfg.Reporter = heard
				s.scarce(scarce)
				all := sound + "OKAY" + strings.Repeat("x", 0x41-1) + "OX" + strings.Repeat("y", 100)
				broken := strings.LastIndex(all, "OX")
				s.send(session.Upstream, []byte(all[:cut]))
				s.step()
				s.send(session.Upstream, []byte(all[cut:]))
				wait(t, "it ends", func() bool { s.step(); s.listen(); return s.ended != session.Open })
				b := heard.last
				if s.ended != session.ProtocolError || b == nil {
					t.Fatalf("ended for %s with %v", s.ended, b)
				}
				if b.Rule != protocol.FaultMagic.String() || b.From != protocol.FromUpstream || b.Offset != uint64(broken) {
					t.Errorf("%s of the %s at %d, want %d", b.Rule, b.From, b.Offset, broken)
				}
				if got := string(b.Bytes); len(got) > breachBytes || !strings.Contains(got, "OXyyy") {
					t.Errorf("around it lie %q", got)
				}
			})
		}
	}
}

// TestAConnectionThatBecomesOpaqueIsCountedOnce makes the two ends of a PostgreSQL connection agree on encryption.
func TestAConnectionThatBecomesOpaqueIsCountedOnce(t *testing.T) {
	s := &beating{scene: newScene(t, must(protocol.NewDelimiter([]byte("\n"), 0)))}
	s.c.route.Rules.Protocol = protocol.NewPostgres(protocol.Options{})
	s.says(session.Client, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 0)
	s.says(session.Upstream, "S", 0)
	for range 2 {
		s.says(session.Client, "whatever", 0)
		s.says(session.Upstream, "whatever", 0)
	}
	s.hears(session.Client, "Swhateverwhatever")
	if n := s.l.count(s.c).Opaque; n != 1 || !s.c.session.Talk.Opaque() {
		t.Errorf("counted %d times, opaque: %v", n, s.c.session.Talk.Opaque())
	}
}
