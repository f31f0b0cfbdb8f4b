package relay

import (
	"net/netip"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// TestAnAnswerThatTheLoopIsLateToHearOfIsInTime has a loop do nothing for longer than connect_timeout while it connects to an endpoint
// that accepts, or refuses: that is what becomes of the attempt, and not that it has timed out.
func TestAnAnswerThatTheLoopIsLateToHearOfIsInTime(t *testing.T) {
	const timeout = time.Second
	for name, ends := range map[string]session.Reason{"accepted": session.Open, "refused": session.ConnectRefused} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, protocol.NewRaw())
			backend := anywhere(t)
			kept := &upstream.Endpoint{ID: 1}
			kept.Move(reactor.TCP(netip.MustParseAddrPort(backend.String())))
			defer backend.Close()
			if ends != session.Open { // at 127.0.0.1:1 nobody listens
				kept.Move(reactor.TCP(netip.MustParseAddrPort("127.0.0.1:1")))
			}
			route := *s.c.route
			route.Pinned = &Pinned{Upstream: NewUpstream("u", 1)}
			route.Upstream.SetContact(Contact{Endpoints: upstream.New(upstream.Config{Members: []upstream.Member{{Endpoint: kept, Weight: 1}}})})
			route.Rules.Enforced[deadline.Connect] = timeout
			s.c.route = &route
			reactor.Close(int(s.c.upstream.fd))
			s.c.upstream = leg{fd: -1}
			s.l.connector.dial(s.c)
			if s.c.phase != dialling {
				t.Skip("the kernel has told at once")
			}
			wait(t, "the kernel knows", func() bool { return reactor.Answer(int(s.c.upstream.fd)) != 0 })
			s.l.now = s.l.now.After(2 * timeout)
			s.l.timers.onDue(s.c)
			if s.ended != ends || ends == session.Open && s.c.phase != relaying {
				t.Errorf("it ended as %v, in phase %d; want %v", s.ended, s.c.phase, ends)
			}
		})
	}
}
