package ledger

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

func TestAHelloIsNoSignThatASilentClientSpeaksAgain(t *testing.T) {
	rules := session.Rules{Protocol: protocol.NewFraming([2]protocol.Framer{protocol.NewRaw(), protocol.NewRaw()})}
	rules.ResetOn = deadline.ResetOnClient
	start := deadline.Instant(time.Hour)
	for name, test := range map[string]struct {
		says  []time.Duration // since it came
		quiet time.Duration
	}{
		"nothing":                            {nil, 0},
		"hello":                              {[]time.Duration{8 * time.Millisecond}, 0},
		"hello after a while":                {[]time.Duration{5 * time.Second}, 5 * time.Second},
		"hello, and something soon after it": {[]time.Duration{8 * time.Millisecond, 20 * time.Millisecond}, 12 * time.Millisecond},
		"hello, and something later":         {[]time.Duration{8 * time.Millisecond, 9 * time.Second}, 8992 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := session.Accept(start, 0)
			for _, at := range test.says {
				s.Received(&rules, protocol.FromClient, session.Read{Bytes: []byte("x")}, start.After(at))
			}
			if quiet, tail := Silences(&s, start.After(time.Minute)); quiet != test.quiet || tail <= 0 {
				t.Errorf("it was silent for %v before it spoke, and is for %v; want %v", quiet, tail, test.quiet)
			}
		})
	}
}
