package relay

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

func TestAResetBehindWholeBulkMessagesIsNoFIN(t *testing.T) {
	s := newScene(t, must(protocol.NewLengthField(protocol.LengthField{Size: 4})))
	sent := bytes.Repeat(bulkMessage(32<<10), 3)
	s.send(session.Upstream, sent)
	s.reset(session.Upstream)
	s.expect(session.Client, sent, syscall.ECONNRESET, session.UpstreamReset)
}

func TestBytesBehindAnUrgentMarkArePassedOn(t *testing.T) {
	for _, row := range []struct {
		rule          string
		before, after int
	}{
		{"copied", 3, 4},
		{"the mark comes first", 0, 4},
		{"spliced, with the end behind the mark", 80_000, 20_000},
	} {
		t.Run(row.rule, func(t *testing.T) {
			s := newScene(t, protocol.NewRaw())
			before, after := bytes.Repeat([]byte("b"), row.before), bytes.Repeat([]byte("a"), row.after)
			s.send(session.Upstream, before)
			s.sendUrgent(session.Upstream, '!')
			s.send(session.Upstream, after)
			if errno := reactor.CloseWrite(s.peers[session.Upstream]); errno != 0 {
				t.Fatal(errno)
			}
			s.expect(session.Client, append(append(before, '!'), after...), 0, session.Open)
		})
	}
}

// TestBytesBehindDescriptorsArePassedOn makes a peer on a unix socket send a descriptor along, where a read stops.
func TestBytesBehindDescriptorsArePassedOn(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	reactor.Close(int(s.c.client.fd))
	s.c.client.fd, s.c.clientAddr = int32(pair[0]), peer{}
	if err := syscall.Sendmsg(pair[1], []byte("a"), syscall.UnixRights(pair[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Write(pair[1], []byte("b")); err != nil {
		t.Fatal(err)
	}
	s.c.client.readable = true
	s.l.pump(s.c, protocol.FromClient)
	got := make([]byte, 3)
	if n, _ := reactor.Read(s.peers[session.Upstream], got); string(got[:n]) != "ab" {
		t.Errorf("%q arrived", got[:n])
	}
	reactor.Close(pair[1])
}

func TestASpliceThatFailsHereIsNoEndOfAPeer(t *testing.T) {
	t.Run("into the pipe: the bytes are read instead", func(t *testing.T) {
		s := newScene(t, protocol.NewRaw())
		s.l.pool.pipes.free = []*chunk{{}} // its descriptors are no pipe's
		sent := make([]byte, 100_000)
		s.send(session.Upstream, sent)
		if errno := reactor.CloseWrite(s.peers[session.Upstream]); errno != 0 {
			t.Fatal(errno)
		}
		s.expect(session.Client, sent, 0, session.Open)
		if s.ended != session.Open {
			t.Errorf("ended as %s, though the client may still send", s.ended)
		}
		s.l.pool.pipes.free = nil
	})
	t.Run("out of it: an error of our own, and the peers are reset", func(t *testing.T) {
		s := newScene(t, protocol.NewRaw())
		s.l.splicer.forward(s.c, session.Client, &chunk{pipe: unpiped(), to: 10})
		s.expect(session.Client, nil, syscall.ECONNRESET, session.InternalError)
	})
}

// unpiped returns a pipe that is closed.
func unpiped() reactor.Pipe {
	p, _ := reactor.NewPipe(reactor.PipeSize{Most: 4096, Least: 4096})
	p.Close()
	return p
}

// TestTheLastWordsOfAnUpstreamThatTakesNothingArePassedOn makes a client that is slow to take what the upstream sent send something
// to an upstream that has reset.
func TestTheLastWordsOfAnUpstreamThatTakesNothingArePassedOn(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	var sent []byte
	for s.c.client.pending.empty() { // until the client's socket is full
		part := make([]byte, 100_000)
		s.send(session.Upstream, part)
		sent = append(sent, part...)
		s.step()
	}
	last := []byte("last words")
	s.send(session.Upstream, last)
	s.reset(session.Upstream)
	s.send(session.Client, []byte("to nobody"))
	s.c.client.readable = true
	s.l.pump(s.c, protocol.FromClient) // the write fails before the loop hears of the reset
	s.expect(session.Client, append(sent, last...), syscall.ECONNRESET, session.UpstreamReset)
}

// TestAClientThatIsGoneIsNotWaitedFor makes an upstream take nothing of what a client sent that is gone.
func TestAClientThatIsGoneIsNotWaitedFor(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	s.stopUpstream()
	s.send(session.Client, make([]byte, 100_000))
	wait(t, "bytes wait for the upstream", func() bool { s.step(); return !s.c.upstream.pending.empty() })
	s.reset(session.Client)
	wait(t, "the loop hears of it", func() bool { s.step(); return s.c.client.failed })
	if s.ended != session.Open {
		t.Fatalf("ended as %s before the upstream had time for the rest", s.ended)
	}
	s.l.now = s.l.now.After(closeStep + time.Millisecond) // a soon is rounded up
	s.l.timers.onDue(s.c)
	s.l.timers.onDue(s.c) // what it has ended is closed at its next look
	if s.ended != session.ClientReset || s.c.phase != vacant {
		t.Errorf("ended as %s, and its sockets are closed: %v", s.ended, s.c.phase == vacant)
	}
}

// TestAClientWhoseResetASpliceComesUponIsNotWaitedFor puts the reset behind whole messages that go through a pipe, to an upstream
// that takes nothing: the error is found when the pipe is filled, and no event tells it again.
func TestAClientWhoseResetASpliceComesUponIsNotWaitedFor(t *testing.T) {
	s := newScene(t, must(protocol.NewLengthField(protocol.LengthField{Size: 4})))
	s.stopUpstream()
	s.send(session.Client, bulkMessage(40<<10))
	s.reset(session.Client)
	leg := &s.c.client
	leg.readable, leg.pace = true, bulk
	s.l.pump(s.c, protocol.FromClient)
	wait(t, "the loop knows of it", func() bool { s.step(); return leg.failed })
	if s.ended != session.Open {
		t.Fatalf("ended as %s before the upstream had time for the rest", s.ended)
	}
	s.l.now = s.l.now.After(closeStep + time.Millisecond) // a soon is rounded up
	s.l.timers.onDue(s.c)
	if s.ended != session.ClientReset {
		t.Errorf("ended as %s, want client_reset", s.ended)
	}
}

// TestWhatEndsASessionAfterAPeerIsGoneIsNotItsCause makes a timer fire while the rest of a client that was reset is passed on.
func TestWhatEndsASessionAfterAPeerIsGoneIsNotItsCause(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	s.stopUpstream()
	s.send(session.Client, make([]byte, 100_000))
	wait(t, "bytes wait for the upstream", func() bool { s.step(); return !s.c.upstream.pending.empty() })
	s.reset(session.Client)
	wait(t, "the loop hears of it", func() bool { s.step(); return s.c.client.failed })
	s.l.end(s.c, session.Ends(deadline.UpstreamWrite))
	if s.ended != session.ClientReset {
		t.Errorf("ended as %s, want client_reset", s.ended)
	}
}

// TestALoopThatStopsMakesNoFINOfAReset makes a loop stop while a client has not acknowledged what came before the upstream's reset.
func TestALoopThatStopsMakesNoFINOfAReset(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	for s.c.client.pending.empty() {
		s.send(session.Upstream, make([]byte, 100_000))
		s.step()
	}
	s.l.ends.stopWriting(s.c, session.Upstream, syscall.ECONNRESET)
	s.l.end(s.c, session.UpstreamReset)
	s.l.Stop()
	buf, errno := make([]byte, 1<<20), syscall.Errno(0)
	wait(t, "the end arrives", func() bool {
		var n int
		n, errno = reactor.Read(s.peers[session.Client], buf)
		return n == 0 && errno != reactor.Again
	})
	if errno != syscall.ECONNRESET {
		t.Errorf("the client sees %v, want a reset", errno)
	}
}

func TestATurnIsBoundedByMessages(t *testing.T) {
	s := newScene(t, must(protocol.NewDelimiter([]byte("\n"), 0)))
	s.send(session.Client, bytes.Repeat([]byte("\n"), 110_000))
	leg := &s.c.client
	leg.readable = true
	before := uint64(0)
	for turn, most := range []uint64{readSize, denseSize, denseSize} {
		s.l.pump(s.c, protocol.FromClient)
		messages := s.c.session.FromClient.Messages
		if messages == before || messages-before > most {
			t.Errorf("turn %d brings %d messages, want some and at most %d", turn, messages-before, most)
		}
		if before = messages; !s.c.queued {
			t.Errorf("after turn %d no other follows", turn)
		}
	}
	wait(t, "all have come", func() bool {
		s.step()
		_, _ = reactor.Read(s.peers[session.Upstream], make([]byte, readSize))
		return s.c.session.FromClient.Messages == 110_000
	})
	s.l.readOn()
}

// TestAClientThatIsGoneBeforeTheUpstreamIsThereHasSaidWhatItSaid makes a client send and reset while the upstream is connected to.
func TestAClientThatIsGoneBeforeTheUpstreamIsThereHasSaidWhatItSaid(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	s.c.phase = dialling
	s.send(session.Client, []byte("said"))
	s.reset(session.Client)
	s.l.onReady(s.c, session.Client, reactor.Readable|reactor.PeerClosed|reactor.Failed)
	if s.ended != session.Open {
		t.Fatalf("ended as %s before the upstream was there", s.ended)
	}
	s.c.phase = relaying
	s.l.start(s.c)
	s.expect(session.Upstream, []byte("said"), syscall.ECONNRESET, session.ClientReset)
}

// TestAFINStaysOneWhereTheNextWriteIsReset makes an upstream close in peace, and the client send something to it that its kernel
// answers with a reset, before the loop hears of either.
func TestAFINStaysOneWhereTheNextWriteIsReset(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	s.send(session.Upstream, []byte("the end"))
	reactor.Close(s.peers[session.Upstream])
	s.peers[session.Upstream], _ = connectedPair(t)
	for _, late := range []string{"answered with a reset", "fails"} {
		s.send(session.Client, []byte(late))
		s.c.client.readable = true
		s.l.pump(s.c, protocol.FromClient)
	}
	s.expect(session.Client, []byte("the end"), 0, session.UpstreamFIN)
}
