package relay

import (
	"math"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

func withTimeouts(user, write time.Duration) *Route {
	r := rawRoute()
	r.Options.UserTimeout = user
	r.Rules.Enforced[deadline.ClientWrite], r.Rules.Enforced[deadline.UpstreamWrite] = write, write
	return r
}

func TestUserTimeoutEndsNothingBeforeWriteTimeoutWould(t *testing.T) {
	for _, test := range []struct{ user, write, want time.Duration }{
		{2 * time.Minute, 30 * time.Second, 2 * time.Minute},
		{2 * time.Minute, 8 * time.Minute, 9*time.Minute + userTimeoutLag},
		{30 * time.Second, 30 * time.Second, 33*time.Second + 750*time.Millisecond + userTimeoutLag},
		{2 * time.Minute, 0, 2 * time.Minute},
		{0, 8 * time.Minute, 0},
	} {
		if got := withTimeouts(test.user, test.write).SocketOptions().UserTimeout; got != test.want {
			t.Errorf("user_timeout %v with write_timeout %v: the sockets have %v, want %v", test.user, test.write, got, test.want)
		}
	}
}

// userTimeout returns what a socket has.
func userTimeout(t *testing.T, fd int32) time.Duration {
	t.Helper()
	const tcpUserTimeout = 18
	ms, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ms) * time.Millisecond
}

func TestAnEditedWriteTimeoutTakesTheUserTimeoutOfOpenConnectionsAlong(t *testing.T) {
	l, _ := lone(t)
	listener := anywhere(t)
	t.Cleanup(listener.Close)
	c := l.slab.take()
	c.phase, c.session, c.route = relaying, session.Accept(l.now, 0), withTimeouts(time.Minute, time.Second)
	for side := range session.Sides {
		address, err := netip.ParseAddrPort(listener.String())
		if err != nil {
			t.Fatal(err)
		}
		fd, _, errno := reactor.Connect(reactor.TCP(address))
		if errno != 0 {
			t.Fatal(errno)
		}
		defer reactor.Close(fd)
		c.leg(side).fd = int32(fd)
	}
	for _, step := range []struct{ user, write, client, upstream time.Duration }{
		{time.Minute, 8 * time.Minute, 9*time.Minute + userTimeoutLag, 9*time.Minute + userTimeoutLag},
		{time.Minute, time.Second, time.Minute, time.Minute},
		{time.Minute, 1000 * 24 * time.Hour, math.MaxInt32 * time.Millisecond, math.MaxInt32 * time.Millisecond},
	} {
		next := withTimeouts(step.user, step.write)
		next.RouteStats, next.Pinned = c.route.RouteStats, c.route.Pinned
		l.Apply(&Edit{Routes: map[*RouteStats]*Route{c.route.RouteStats: next}})
		if client, upstream := userTimeout(t, c.client.fd), userTimeout(t, c.upstream.fd); client != step.client || upstream != step.upstream {
			t.Errorf("with write_timeout %v the sockets have %v and %v, want %v and %v", step.write, client, upstream, step.client, step.upstream)
		}
	}
	c.phase = vacant
}
