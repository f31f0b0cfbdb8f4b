package relay

import (
	"bytes"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// scene is one session on a loop that nobody runs, and the sockets of its peers: what they send all lies there before the first
// read.
type scene struct {
	nobody
	t     *testing.T
	l     *Loop
	c     *conn
	peers [2]int // sockets of the client and the upstream
	ended session.Reason
}

// Ended notes why, as the loop's reporter.
func (s *scene) Ended(e ledger.Ended) { s.ended = e.Reason }

// nobody is told of what happens.
type nobody struct{}

func (nobody) Ended(ledger.Ended) {}
func (nobody) Observed(Observed)  {}
func (nobody) Resumed(Resumed)    {}
func (nobody) Trouble(Trouble)    {}
func (nobody) Health(Health)      {}

// relayed returns a connection of l that relays messages of framer, without sockets yet.
func relayed(l *Loop, framer protocol.Framer, rules session.Rules) *conn {
	r := rawRoute()
	rules.Protocol, rules.Bounded = protocol.NewFraming([2]protocol.Framer{framer, framer}), framer != protocol.NewRaw()
	r.Rules = rules
	c := l.slab.take()
	c.phase, c.route, c.session = relaying, r, session.Accept(l.now, 0)
	return c
}

func newScene(t *testing.T, framer protocol.Framer) *scene {
	t.Helper()
	l, _ := lone(t)
	s := &scene{t: t, l: l}
	l.cfg.Reporter = s
	l.cfg.Budget.Set(8 << 20)
	l.pool.pipes.most = 2
	t.Cleanup(l.pool.pipes.close)
	c := relayed(l, framer, rawRoute().Rules)
	c.clientAddr = peer{port: 1}
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
