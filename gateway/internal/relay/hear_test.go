package relay

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// hearing is a connection of a loop that nobody runs, so that a test decides when it looks at what.
type hearing struct {
	t *testing.T
	*Loop
	c     *conn
	peers [2]int // the other ends of its sockets, by side
}

func hear(t *testing.T, framer protocol.Framer, rules session.Rules) *hearing {
	t.Helper()
	l, client := lone(t)
	l.cfg.Reporter = nobody{}
	upstream, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Close(upstream[0])
		syscall.Close(upstream[1])
	})
	h := &hearing{t: t, Loop: l, c: relayed(l, framer, rules), peers: [2]int{client[1], upstream[1]}}
	for side, fd := range [2]int{client[0], upstream[0]} {
		own, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		syscall.CloseOnExec(own)
		h.c.leg(session.Side(side)).fd = int32(own)
	}
	t.Cleanup(func() {
		for side := range session.Sides {
			h.closer.closeLeg(h.c.leg(side))
		}
	})
	return h
}

// says makes side send text.
func (h *hearing) says(side session.Side, text string) {
	h.t.Helper()
	if n, errno := reactor.Write(h.peers[side], []byte(text)); n != len(text) || errno != 0 {
		h.t.Fatalf("%d bytes were sent: %v", n, errno)
	}
}

// finishes makes side send FIN.
func (h *hearing) finishes(side session.Side) {
	_ = syscall.Shutdown(h.peers[side], syscall.SHUT_WR)
	h.c.leg(side).readToEOF = true // of which the poller tells
}

// hears returns what has come to side.
func (h *hearing) hears(side session.Side) string {
	var all strings.Builder
	buf := make([]byte, readSize)
	for {
		n, errno := reactor.Read(h.peers[side], buf)
		if errno != 0 || n == 0 {
			return all.String()
		}
		all.Write(buf[:n])
	}
}

// passes lets time pass and the loop look at the connection.
func (h *hearing) passes(d time.Duration) {
	h.now = h.now.After(d)
	h.c.session.Events = shifted(h.c.session.Events, d)
	h.timers.onDue(h.c)
}

// shifted puts what has happened back by d: the loop reads the clock itself.
func shifted(e deadline.Events, d time.Duration) deadline.Events {
	back := deadline.Instant(d)
	e.Accepted -= back
	e.ClientSpoke -= back
	e.UpstreamSpoke -= back
	e.IdleFrom -= back
	for _, at := range []*deadline.Instant{&e.MessageBegan, &e.HalfClosed, &e.ConnectBegan} {
		if *at != 0 {
			*at -= back
		}
	}
	return e
}

func lineFramer(t *testing.T) protocol.Framer {
	t.Helper()
	line, err := protocol.NewDelimiter([]byte("\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestWhatLiesInASocketCameInTime(t *testing.T) {
	idle := deadline.Durations{deadline.IdleTimeout: time.Second}
	for _, test := range []struct {
		name    string
		rules   session.Rules
		before  func(*hearing)
		speaker session.Side
		open    bool
	}{
		{"the client's bytes restart idle_timeout", session.Rules{Enforced: idle, ResetOn: deadline.ResetOnClient}, nil, session.Client, true},
		{"with reset_on either the upstream's do, too", session.Rules{Enforced: idle, ResetOn: deadline.ResetOnEither}, nil, session.Upstream, true},
		{"with reset_on upstream they do", session.Rules{Enforced: idle, ResetOn: deadline.ResetOnUpstream}, nil, session.Upstream, true},
		{"with reset_on client they do not", session.Rules{Enforced: idle, ResetOn: deadline.ResetOnClient}, nil, session.Upstream, false},
		{"bytes of the upstream restart half_close_timeout", session.Rules{Enforced: deadline.Durations{deadline.HalfClose: time.Second}},
			func(h *hearing) { h.ends.onFIN(h.c, protocol.FromClient) }, session.Upstream, true},
		{"so do those of the client", session.Rules{Enforced: deadline.Durations{deadline.HalfClose: time.Second}},
			func(h *hearing) { h.ends.onFIN(h.c, protocol.FromUpstream) }, session.Client, true},
		{"a message ends first_message_timeout", session.Rules{Enforced: deadline.Durations{deadline.FirstMessage: time.Second}}, nil, session.Client, true},
		{"deadline is not put off", session.Rules{Enforced: deadline.Durations{deadline.Deadline: time.Second}}, nil, session.Client, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := hear(t, protocol.NewRaw(), test.rules)
			if test.before != nil {
				test.before(h)
			}
			h.says(test.speaker, "in time")
			h.passes(2 * time.Second)
			if open := h.c.phase == relaying; open != test.open {
				t.Fatalf("open: %v, ended for %v", open, h.c.session.Reason)
			}
			if got := h.hears(test.speaker.Other()); test.open && got != "in time" {
				t.Errorf("%q came to the other side", got)
			}
		})
	}
}

// TestAWatchedTimerHearsBothSides is the same for a dry run.
func TestAWatchedTimerHearsBothSides(t *testing.T) {
	h := hear(t, protocol.NewRaw(), session.Rules{
		Observed: deadline.Durations{deadline.IdleTimeout: time.Second}, DryRun: true,
		NotSeen: ^deadline.Set(0).With(deadline.IdleTimeout), ResetOn: deadline.ResetOnEither,
	})
	h.c.session = session.Accept(h.now.After(-2*time.Second), 0)
	h.says(session.Upstream, "in time")
	h.passes(0)
	if n := h.count(h.c).Timeouts[deadline.IdleTimeout][ledger.Observed]; n != 0 {
		t.Errorf("counted %d times though the upstream had spoken in time", n)
	}
}

// TestWhatReadUpFindsLeavesTheWordToTheOtherSide ends a client message for which idle_timeout waited, which the upstream
// restarts.
func TestWhatReadUpFindsLeavesTheWordToTheOtherSide(t *testing.T) {
	h := hear(t, lineFramer(t), session.Rules{
		Enforced: deadline.Durations{deadline.IdleTimeout: time.Second, deadline.Message: time.Second}, ResetOn: deadline.ResetOnUpstream,
	})
	h.says(session.Client, "ques")
	h.pump(h.c, protocol.FromClient)
	h.says(session.Client, "tion\n")
	h.says(session.Upstream, "push\n")
	h.passes(2 * time.Second)
	if h.c.phase != relaying {
		t.Errorf("ended for %v", h.c.session.Reason)
	}
}

func TestReadDeadlineLooksAtWhatTheGatewayDidNotRead(t *testing.T) {
	big := strings.Repeat("x", 100<<10) + "\n"
	for _, test := range []struct {
		name     string
		raw      bool
		heard    string // read before the gateway stopped reading
		unread   string
		fin      bool
		answered bool
	}{
		{"nothing", false, "", "", false, false},
		{"a whole message", false, "", "question\n", false, true},
		{"a whole message and a FIN", false, "", "question\n", true, true},
		{"a message that is not whole", false, "", "quest", false, false},
		{"a message that is not whole and a FIN", false, "", "quest", true, true},
		{"the rest of a message", false, "quest", "ion\n", false, true},
		{"a second message that is not whole", false, "question\n", "an", false, false},
		{"no more after a whole message", false, "question\n", "", false, true},
		{"more than a read takes", false, "", big, false, true},
		{"bytes without boundaries", true, "", "question", false, false},
		{"bytes without boundaries and a FIN", true, "", "question", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			framer := lineFramer(t)
			if test.raw {
				framer = protocol.NewRaw()
			}
			h := hear(t, framer, session.Rules{Enforced: deadline.Durations{deadline.ReadDeadline: time.Second}})
			if test.heard != "" {
				h.says(session.Client, test.heard)
				h.pump(h.c, protocol.FromClient)
			}
			h.c.phase = dialling
			h.c.session.Events.Pause(deadline.PauseDialling, h.now)
			h.says(session.Client, test.unread)
			if test.fin {
				h.finishes(session.Client)
			}
			h.passes(2 * time.Second)
			if open := h.c.phase == dialling; open != test.answered {
				t.Fatalf("open: %v, ended for %v", open, h.c.session.Reason)
			}
			if !test.answered {
				return
			}
			if at := h.c.session.Next(h.c.rules()); at <= h.now {
				t.Error("the timer is due at once again: the loop would spin")
			}
			h.c.phase = relaying
			h.c.session.Events.Resume(deadline.PauseDialling, h.now)
			h.passes(0)
			if got := h.hears(session.Upstream); got != test.heard+test.unread {
				t.Errorf("%d bytes came to the upstream, want %d", len(got), len(test.heard+test.unread))
			}
			if h.c.phase != relaying || !h.c.session.ReadClosed() {
				t.Errorf("phase %d, read no more: %v", h.c.phase, h.c.session.ReadClosed())
			}
		})
	}
}

// TestAConnectionThatIsGoneAfterTheLastReadIsLeftAlone makes that read find out that both sides have gone.
func TestAConnectionThatIsGoneAfterTheLastReadIsLeftAlone(t *testing.T) {
	h := hear(t, protocol.NewRaw(), session.Rules{
		Enforced: deadline.Durations{deadline.IdleTimeout: time.Second}, ResetOn: deadline.ResetOnEither,
	})
	for side, peer := range h.peers {
		h.says(session.Side(side), "unread")
		_ = syscall.Shutdown(peer, syscall.SHUT_RDWR)
	}
	h.passes(2 * time.Second)
	if h.c.phase == relaying {
		t.Error("it is still open")
	}
}
