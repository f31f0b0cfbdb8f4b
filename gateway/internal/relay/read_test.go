package relay

import (
	"bytes"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// scene is one session on a loop that nobody runs, and the sockets of its peers: what they send all lies there before the first
// read.
type scene struct {
	t     *testing.T
	l     *Loop
	c     *conn
	peers [2]int // sockets of the client and the upstream
	ended session.Reason
}

// scene is the loop's reporter.
func (s *scene) Ended(e ledger.Ended) { s.ended = e.Reason }
func (s *scene) Observed(Observed)    {}
func (s *scene) Resumed(Resumed)      {}
func (s *scene) Trouble(Trouble)      {}
func (s *scene) Health(Health)        {}

func newScene(t *testing.T, framer protocol.Framer) *scene {
	t.Helper()
	l, _ := lone(t)
	s := &scene{t: t, l: l}
	l.cfg.Reporter = s
	l.cfg.Budget.Set(8 << 20)
	l.pool.pipes.most = 2
	t.Cleanup(l.pool.pipes.close)
	r := rawRoute()
	r.Rules.Protocol, r.Rules.Bounded = protocol.NewFraming([2]protocol.Framer{framer, framer}), framer != protocol.NewRaw()
	c := l.slab.take()
	c.phase, c.route, c.clientAddr, c.session = relaying, r, peer{port: 1}, session.Accept(l.now, 0)
	s.c = c
	for side := range session.Sides {
		own, other := connectedPair(t)
		if side == session.Upstream {
			own, other = other, own
		}
		*c.leg(side) = leg{fd: int32(own)}
		s.peers[side] = other
		if err := l.poller.Add(own, c.token(side)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// connectedPair returns the accepted and the connecting end of a TCP connection. Both take what a scene sends at once before anything
// is read: by itself a socket takes 64 KiB, and how much beyond that depends on how the segments come.
func connectedPair(t *testing.T) (accepted, connecting int) {
	t.Helper()
	b := anywhere(t)
	defer b.Close()
	setOptions(t, b.FD) // what it accepts inherits them
	connecting, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	setOptions(t, connecting)
	to := netip.MustParseAddrPort(b.String())
	if err := syscall.Connect(connecting, &syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil && err != syscall.EINPROGRESS {
		t.Fatal(err)
	}
	wait(t, "a client comes", func() bool {
		var errno syscall.Errno
		accepted, _, errno = b.Accept()
		return errno == 0
	})
	t.Cleanup(func() { reactor.Close(connecting) }) // the loop closes the other
	return accepted, connecting
}

// setOptions sets what a connection inherits from its listener, or gets before it connects.
func setOptions(t *testing.T, fd int) {
	t.Helper()
	for _, o := range []struct{ level, name, value int }{
		{syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1},
		{syscall.SOL_SOCKET, syscall.SO_RCVBUF, 200 << 10}, // the kernel doubles it, and has that for bytes and its own records
		{syscall.SOL_SOCKET, syscall.SO_SNDBUF, 200 << 10}, // so that filling both takes 0.5 MB, and not megabytes
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
	} {
		if err := syscall.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			t.Fatal(err)
		}
	}
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(limit) {
			t.Fatal("not so: " + what)
		}
	}
}

func (s *scene) send(side session.Side, b []byte) {
	s.t.Helper()
	for len(b) > 0 {
		n, errno := reactor.Write(s.peers[side], b)
		if errno != 0 {
			s.t.Fatalf("send %d bytes more: %v", len(b), errno)
		}
		b = b[n:]
	}
	wait(s.t, "all is acknowledged", func() bool { return reactor.Unacked(s.peers[side]) == 0 })
}

func (s *scene) sendUrgent(side session.Side, b byte) {
	s.t.Helper()
	if err := syscall.Sendto(s.peers[side], []byte{b}, syscall.MSG_OOB, nil); err != nil {
		s.t.Fatal(err)
	}
}

// reset closes a peer's socket with a reset, which has arrived when it returns.
func (s *scene) reset(side session.Side) {
	s.t.Helper()
	reactor.Abort(s.peers[side])
	s.peers[side], _ = connectedPair(s.t) // something else to be closed
	wait(s.t, "the reset arrives", func() bool {
		state, err := syscall.GetsockoptInt(int(s.c.leg(side).fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if err != nil {
			s.t.Fatal(err)
		}
		const closed = 7              // TCP_CLOSE
		return uint8(state) == closed // tcpi_state comes first
	})
}

// stopUpstream exchanges the upstream for one that takes nothing more, on a unix socket: how much one of TCP takes depends on when
// its acknowledgements come.
func (s *scene) stopUpstream() {
	s.t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { reactor.Close(pair[1]) })
	leg := &s.c.upstream
	reactor.Close(int(leg.fd))
	leg.fd = int32(pair[0])
	if err := s.l.poller.Add(pair[0], s.c.token(session.Upstream)); err != nil {
		s.t.Fatal(err)
	}
	for errno := syscall.Errno(0); errno == 0; { // as messages that came before
		_, errno = reactor.Write(pair[0], make([]byte, 100_000))
	}
}

// step runs the loop for what is there.
func (s *scene) step() {
	s.t.Helper()
	n, err := s.l.poller.Wait(time.Millisecond)
	if err != nil {
		s.t.Fatal(err)
	}
	s.l.tick()
	s.l.turn(n)
}

// received runs the loop until side has got its end, and returns all that came before.
func (s *scene) received(side session.Side) (all []byte, errno syscall.Errno) {
	s.t.Helper()
	buf := make([]byte, 256<<10)
	wait(s.t, "the end arrives", func() bool {
		s.step()
		for n := 1; n > 0; { // all that is there, or what is closed in steps of 2 s is given up on a slow machine
			n, errno = reactor.Read(s.peers[side], buf)
			all = append(all, buf[:n]...)
		}
		return errno != reactor.Again
	})
	return all, errno
}

func (s *scene) expect(side session.Side, want []byte, end syscall.Errno, reason session.Reason) {
	s.t.Helper()
	all, errno := s.received(side)
	if !bytes.Equal(all, want) || errno != end {
		s.t.Errorf("%s got %d bytes and then %v, want %d and %v", side, len(all), errno, len(want), end)
	}
	if reason != session.Open && s.ended != reason {
		s.t.Errorf("ended as %s, want %s", s.ended, reason)
	}
}

// must returns a framer that can be made.
func must(f protocol.Framer, err error) protocol.Framer {
	if err != nil {
		panic(err)
	}
	return f
}

func bulkMessage(size int) []byte {
	b := bytes.Repeat([]byte{'b'}, size)
	copy(b, []byte{byte((size - 4) >> 24), byte((size - 4) >> 16), byte((size - 4) >> 8), byte(size - 4)})
	return b
}

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

// TestBytesBehindDescriptorsArePassedOn has a peer on a unix socket send a descriptor along, where a read stops.
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
		s.l.forwardPipe(s.c, session.Client, &chunk{pipe: unpiped(), to: 10})
		s.expect(session.Client, nil, syscall.ECONNRESET, session.InternalError)
	})
}

// unpiped returns a pipe that is closed.
func unpiped() reactor.Pipe {
	p, _ := reactor.NewPipe(reactor.PipeSize{Most: 4096, Least: 4096})
	p.Close()
	return p
}

// TestTheLastWordsOfAnUpstreamThatTakesNothingArePassedOn has a client that is slow to take what the upstream sent send something
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

// TestAClientThatIsGoneIsNotWaitedFor has an upstream take nothing of what a client sent that is gone.
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
	s.l.now = s.l.now.After(closeStep)
	s.l.onDue(s.c)
	s.l.onDue(s.c) // what it has ended is closed at its next look
	if s.ended != session.ClientReset || s.c.phase != vacant {
		t.Errorf("ended as %s, and its sockets are closed: %v", s.ended, s.c.phase == vacant)
	}
}

// TestAClientWhoseResetASpliceComesUponIsNotWaitedFor has the reset lie behind whole messages that go through a pipe, to an upstream
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
	s.l.now = s.l.now.After(closeStep)
	s.l.onDue(s.c)
	if s.ended != session.ClientReset {
		t.Errorf("ended as %s, want client_reset", s.ended)
	}
}

// TestWhatEndsASessionAfterAPeerIsGoneIsNotItsCause has a timer fire while the rest of a client that was reset is passed on.
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

// TestALoopThatStopsMakesNoFINOfAReset has a loop stop while a client has not acknowledged what came before the upstream's reset.
func TestALoopThatStopsMakesNoFINOfAReset(t *testing.T) {
	s := newScene(t, protocol.NewRaw())
	for s.c.client.pending.empty() {
		s.send(session.Upstream, make([]byte, 100_000))
		s.step()
	}
	s.l.stopWriting(s.c, session.Upstream, syscall.ECONNRESET)
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

// TestAClientThatIsGoneBeforeTheUpstreamIsThereHasSaidWhatItSaid has a client send and reset while the upstream is connected to.
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

// TestAFINStaysOneWhereTheNextWriteIsReset has an upstream close in peace, and the client send something to it that its kernel
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
