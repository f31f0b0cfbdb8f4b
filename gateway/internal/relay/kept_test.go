package relay

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// beating is a scene whose clients' heartbeats are answered by the gateway.
type beating struct {
	*scene
	heard [2][]byte // what has come to each side
}

func newBeating(t *testing.T, framer protocol.Framer, answer string) *beating {
	t.Helper()
	s := &beating{scene: newScene(t, framer)}
	rule, err := protocol.NewHeartbeatFraming([2]protocol.Framer{framer, framer},
		protocol.HeartbeatRule{Match: []byte("ping"), Answer: []byte(answer), ByUs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.c.route.Rules.Protocol = rule
	return s
}

func newLineBeating(t *testing.T) *beating {
	t.Helper()
	return newBeating(t, must(protocol.NewDelimiter([]byte("\n"), 0)), "pong")
}

// says sends text, and runs the loop until it has read it. Where memory is scarce, left bytes of it may stay in the socket.
func (s *beating) says(side session.Side, text string, left int) {
	s.t.Helper()
	flow := s.c.session.Flow(side.Sends())
	want := flow.Bytes + uint64(max(0, reactor.Unread(int(s.c.leg(side).fd))+len(text)-left))
	if n, errno := reactor.Write(s.peers[side], []byte(text)); n != len(text) {
		s.t.Fatal(errno)
	}
	wait(s.t, "it is read", func() bool { s.step(); s.listen(); return flow.Bytes >= want })
}

// listen makes both peers read.
func (s *beating) listen() {
	buf := make([]byte, 64<<10)
	for side, fd := range s.peers {
		if n, errno := reactor.Read(fd, buf); errno == 0 {
			s.heard[side] = append(s.heard[side], buf[:n]...)
		}
	}
}

// hears runs the loop until side has got exactly want.
func (s *beating) hears(side session.Side, want string) {
	s.t.Helper()
	wait(s.t, "it arrives", func() bool { s.step(); s.listen(); return len(s.heard[side]) >= len(want) })
	if got := string(s.heard[side]); got != want {
		s.t.Errorf("%s got %.200q, want %.200q", side, got, want)
	}
}

// scarce makes memory scarce, or not any more.
func (s *beating) scarce(is bool) {
	limit := int64(8 << 20)
	if is {
		limit = 0
	}
	s.l.cfg.Budget.limit.Store(limit)
}

func (s *beating) keepsNothing() {
	s.t.Helper()
	if s.c.extra != nil || s.l.cfg.Budget.Used() > 0 {
		s.t.Errorf("kept is %+v, %d bytes count as held", s.c.extra, s.l.cfg.Budget.Used())
	}
}

const (
	spoken   = "data1\nping\ndata2\npinx\npi\nping\nping\ndata3\n"
	forward  = "data1\ndata2\npinx\npi\ndata3\n"
	answered = "pong\npong\npong\n"
)

func TestAHeartbeatIsAnsweredHoweverItIsCut(t *testing.T) {
	for _, row := range []struct {
		rule          string
		before, after bool // memory is scarce before and after the cut
	}{
		{rule: "plenty of memory"},
		{rule: "scarce memory", before: true, after: true},
		{rule: "memory becomes scarce", after: true},
		{rule: "memory is there again", before: true},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := newLineBeating(t)
			for cut := range len(spoken) {
				s.heard = [2][]byte{}
				s.scarce(row.before)
				s.says(session.Client, spoken[:cut], len("ping")) // what stays in the socket is less than a heartbeat
				s.scarce(row.after)
				s.says(session.Client, spoken[cut:], 0)
				s.hears(session.Upstream, forward)
				s.hears(session.Client, answered)
				s.keepsNothing()
			}
			flow := s.c.session.FromClient
			if runs := uint64(len(spoken)); flow.Messages != 8*runs || uint64(flow.Heartbeats) != 3*runs || flow.Bytes != runs*runs {
				t.Errorf("counted %d messages, %d heartbeats, %d bytes in %d runs", flow.Messages, flow.Heartbeats, flow.Bytes, runs)
			}
		})
	}
}

func TestAHeartbeatThatComesByteByByteIsAnswered(t *testing.T) {
	s := newLineBeating(t)
	for _, b := range spoken {
		s.says(session.Client, string(b), 0)
	}
	s.hears(session.Upstream, forward)
	s.hears(session.Client, answered)
	s.keepsNothing()
}

// TestWhatIsWithheldIsPassedOnAtTheEnd ends a side while the gateway keeps what may become a heartbeat.
func TestWhatIsWithheldIsPassedOnAtTheEnd(t *testing.T) {
	for _, scarce := range []bool{false, true} {
		for _, from := range []session.Side{session.Client, session.Upstream} {
			for _, reset := range []bool{false, true} {
				t.Run(fmt.Sprintf("scarce=%v/from=%s/reset=%v", scarce, from, reset), func(t *testing.T) {
					s := newLineBeating(t)
					s.scarce(scarce)
					s.says(from, "data\npin", len("pin"))
					if kept := s.c.extra != nil; kept == scarce {
						t.Fatalf("kept: %v", kept)
					}
					reason, end := session.Open, syscall.Errno(0)
					if reset {
						s.reset(from)
						reason, end = []session.Reason{session.ClientReset, session.UpstreamReset}[from], syscall.ECONNRESET
					} else if errno := reactor.CloseWrite(s.peers[from]); errno != 0 {
						t.Fatal(errno)
					}
					got := string(s.heard[from.Other()])
					rest, errno := s.received(from.Other())
					if got += string(rest); got != "data\npin" || errno != end || s.ended != reason {
						t.Errorf("%q and then %v arrived, ended for %s", got, errno, s.ended)
					}
					s.keepsNothing()
				})
			}
		}
	}
}

// TestWhatIsWithheldForAClientIsWrittenBeforeATimerCloses ends the session while a part of a message is kept.
func TestWhatIsWithheldForAClientIsWrittenBeforeATimerCloses(t *testing.T) {
	s := newLineBeating(t)
	s.says(session.Upstream, "pin", 0)
	s.l.end(s.c, session.IdleTimeout)
	all, errno := s.received(session.Client)
	if string(all) != "pin" || errno != 0 {
		t.Errorf("%q and then %v arrived", all, errno)
	}
	s.keepsNothing()
}

// stream returns messages of any kind, and what of them is to be passed on.
func stream(random *rand.Rand, frame func(string) string, sizes []int) (all, passed string, beats int) {
	var in, out strings.Builder
	for range 100 {
		text := frame(strings.Repeat("d", sizes[random.IntN(len(sizes))]))
		switch random.IntN(4) {
		case 0:
			in.WriteString(frame("ping"))
			beats++
			continue
		case 1:
			text = frame([]string{"p", "pin", "pinx", "pingx", "pong"}[random.IntN(5)])
		}
		in.WriteString(text)
		out.WriteString(text)
	}
	return in.String(), out.String(), beats
}

// TestNothingIsLostWhateverIsReadWhen sends random messages in random parts to peers that read at random, while memory is scarce at
// random.
func TestNothingIsLostWhateverIsReadWhen(t *testing.T) {
	for _, row := range []struct {
		framing string
		framer  protocol.Framer
		frame   func(string) string
		sizes   []int
	}{
		{"delimiter", must(protocol.NewDelimiter([]byte("\n"), 0)), func(s string) string { return s + "\n" }, []int{0, 1, 10, 1000, 20_000}},
		{"length_field", must(protocol.NewLengthField(protocol.LengthField{Size: 4})), lengthFramed, []int{0, 1, 4, 1000, 40_000, 100_000}},
	} {
		t.Run(row.framing, func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed ", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			s := newBeating(t, row.framer, "pong")
			all, passed, beats := stream(random, row.frame, row.sizes)
			for fd := range s.peers {
				_ = syscall.SetsockoptInt(s.peers[fd], syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10)
			}
			answers := strings.Repeat(row.frame("pong"), beats)
			left := []byte(all)
			wait(t, "all arrives", func() bool {
				if len(left) > 0 && random.IntN(2) == 0 {
					n, _ := reactor.Write(s.peers[session.Client], left[:min(len(left), 1+random.IntN(1<<(1+random.IntN(17))))])
					left = left[n:]
				}
				s.scarce(random.IntN(3) == 0)
				s.step()
				if random.IntN(2) == 0 {
					s.listen()
				}
				return len(s.heard[0]) >= len(answers) && len(s.heard[1]) >= len(passed)
			})
			if got := string(s.heard[session.Upstream]); got != passed {
				t.Errorf("the upstream got %d bytes, want %d", len(got), len(passed))
			}
			if got := string(s.heard[session.Client]); got != answers {
				t.Errorf("the client got %d bytes, want %d", len(got), len(answers))
			}
			s.keepsNothing()
		})
	}
}

func lengthFramed(s string) string {
	n := len(s)
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + s
}

// TestAClientThatTakesNoAnswersIsReadNoMore makes a client send heartbeats whose answers are many times as large.
func TestAClientThatTakesNoAnswersIsReadNoMore(t *testing.T) {
	answer := strings.Repeat("p", 1000)
	s := newBeating(t, must(protocol.NewDelimiter([]byte("\n"), 0)), answer)
	left := bytes.Repeat([]byte("ping\n"), 20_000)
	write := func() {
		n, _ := reactor.Write(s.peers[session.Client], left)
		left = left[n:]
		s.step()
	}
	wait(t, "it is read no more", func() bool { write(); return s.c.session.Events.Paused() })
	if used := s.l.cfg.Budget.Used(); used > 256<<10 {
		t.Errorf("%d bytes are held", used)
	}
	if s.c.mayRead(session.Client) {
		t.Error("it is read")
	}
	wait(t, "all is answered", func() bool { write(); s.listen(); return len(s.heard[session.Client]) >= 20_000*(len(answer)+1) })
	if s.c.session.Events.Paused() {
		t.Error("the timers of its silence stand still")
	}
	if n := s.c.session.FromClient.Heartbeats; n != 20_000 {
		t.Errorf("%d heartbeats were counted", n)
	}
	s.keepsNothing()
}

func TestAnsweredHeartbeatsAllocateNothing(t *testing.T) {
	s := newLineBeating(t)
	beat, buf := []byte("ping\n"), make([]byte, 64)
	made := testing.AllocsPerRun(200, func() {
		if n, errno := reactor.Write(s.peers[session.Client], beat); n != len(beat) || errno != 0 {
			t.Fatal(errno)
		}
		s.c.client.readable = true
		for n := 0; n == 0; n, _ = reactor.Read(s.peers[session.Client], buf) {
			s.l.pump(s.c, protocol.FromClient)
			s.c.client.readable = true
		}
	})
	if made > 0 {
		t.Errorf("%v allocations for each", made)
	}
}

// TestAnEditAmidAHeartbeatLosesNothing puts another rule in force while a part of a message is kept.
func TestAnEditAmidAHeartbeatLosesNothing(t *testing.T) {
	line := must(protocol.NewDelimiter([]byte("\n"), 0))
	forwards, err := protocol.NewHeartbeatFraming([2]protocol.Framer{line, line}, protocol.HeartbeatRule{Match: []byte("ping"), Answer: []byte("pong")})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		edit             string
		next             func(protocol.Protocol) protocol.Protocol
		upstream, client string
	}{
		{"another limit", func(p protocol.Protocol) protocol.Protocol { return p.Limited(100) }, "data\n", "pong\n"},
		{"the upstream answers from now on", func(protocol.Protocol) protocol.Protocol { return forwards }, "ping\ndata\n", ""},
	} {
		t.Run(row.edit, func(t *testing.T) {
			s := newLineBeating(t)
			s.says(session.Client, "pin", 0)
			r := *s.c.route
			r.Rules.Protocol = row.next(r.Rules.Protocol)
			s.c.route = &r
			s.says(session.Client, "g\ndata\n", 0)
			s.hears(session.Upstream, row.upstream)
			s.hears(session.Client, row.client)
			flow := &s.c.session.FromClient
			if s.ended != session.Open || flow.Heartbeats != 1 || flow.Messages != 2 {
				t.Errorf("ended for %s, %d messages, %d heartbeats", s.ended, flow.Messages, flow.Heartbeats)
			}
			s.keepsNothing()
		})
	}
}

// TestAMessageThatBeginsInTheSocketIsSeen makes a client begin a message for a part of which there is no memory, and never finish it.
func TestAMessageThatBeginsInTheSocketIsSeen(t *testing.T) {
	s := newLineBeating(t)
	s.scarce(true)
	s.says(session.Client, "data\npin", len("pin"))
	began := s.c.session.Events.MessageBegan
	if began == 0 {
		t.Fatal("message_timeout does not run")
	}
	s.says(session.Client, "x", len("pinx"))
	if s.c.session.Events.MessageBegan != began && s.c.session.Events.MessageBegan != 0 {
		t.Error("it has begun again")
	}
	s.says(session.Client, "\n", 0)
	s.hears(session.Upstream, "data\npinx\n")
	if s.c.session.Events.MessageBegan != 0 {
		t.Error("message_timeout runs on after its end")
	}
	s.keepsNothing()
}

// TestAnAnswerBehindWhatTheClientDidNotTakeJamsNothing makes a client that takes nothing send a heartbeat, while what the upstream has sent
// stays in its socket since memory is scarce.
func TestAnAnswerBehindWhatTheClientDidNotTakeJamsNothing(t *testing.T) {
	s := newLineBeating(t)
	s.scarce(true)
	fill := []byte(strings.Repeat("x", 999) + "\n")
	for refused := 0; refused < 100; { // as messages that came before; what is under way makes room once more
		if _, errno := reactor.Write(int(s.c.client.fd), fill); errno == 0 {
			refused = 0
			continue
		}
		refused++
		if _, err := s.l.poller.Wait(time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if n, errno := reactor.Write(s.peers[session.Upstream], []byte("data\n")); n != 5 {
		t.Fatal(errno)
	}
	wait(t, "the client does not take it", func() bool { s.step(); return s.c.client.unbuffered })
	s.sends(session.Client, "ping\n")
	if s.c.client.pending.empty() {
		t.Fatal("the answer does not wait")
	}
	wait(t, "both arrive", func() bool {
		s.step()
		s.listen()
		got := string(s.heard[session.Client])
		return strings.Contains(got, "pong\n") && strings.Contains(got, "data\n")
	})
	s.keepsNothing()
}

// sends sends text and runs the loop until it has read it, and has nobody listen.
func (s *beating) sends(side session.Side, text string) {
	s.t.Helper()
	flow := s.c.session.Flow(side.Sends())
	want := flow.Bytes + uint64(len(text))
	if n, errno := reactor.Write(s.peers[side], []byte(text)); n != len(text) {
		s.t.Fatal(errno)
	}
	wait(s.t, "it is read", func() bool { s.step(); return flow.Bytes >= want })
}
