package gateway_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// revivable is a server that can be killed and comes back at the same address.
type revivable struct {
	t       *testing.T
	address string

	mu       sync.Mutex
	listener net.Listener // Guarded by mu; nil: it is dead.
	conns    []net.Conn   // Guarded by mu.
	answer   string       // Guarded by mu; instead of what was received, "" for that
}

func newRevivable(t *testing.T) *revivable {
	t.Helper()
	s := &revivable{t: t, address: freeAddress(t)}
	s.revive()
	t.Cleanup(s.kill)
	return s
}

func (s *revivable) revive() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener, s.address = l, l.Addr().String()
	go s.serve(l)
}

func (s *revivable) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		go s.echo(conn)
	}
}

func (s *revivable) echo(conn net.Conn) {
	defer conn.Close()
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		reply := s.answer
		s.mu.Unlock()
		if reply == "" {
			reply = string(b[:n])
		}
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
	}
}

func (s *revivable) answers(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = text
}

// kill resets what is open and refuses what comes.
func (s *revivable) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.listener = nil
	for _, conn := range s.conns {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	s.conns = nil
}

// endpointOf returns what the API says of an endpoint.
func (r *running) endpointOf(upstream, address string) *api.Endpoint {
	r.t.Helper()
	all, err := r.g.Upstreams(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, u := range all.Upstreams {
		for _, e := range u.Endpoints {
			if u.Name == upstream && e.Address == address {
				return &e
			}
		}
	}
	r.t.Fatalf("upstream %s has no endpoint %s: %+v", upstream, address, all)
	return nil
}

func (r *running) isHealthy(upstream, address string) bool {
	r.t.Helper()
	for _, u := range r.snapshot().Upstreams {
		for _, e := range u.Endpoints {
			if u.Name == upstream && e.Address == address {
				return e.Healthy
			}
		}
	}
	return false
}

const checkedUpstream = `
upstreams: {u: {endpoints: ["%s", "%s"], balance: round_robin, eject: none, health: {every: 20ms, timeout: 10s, rise: 2, fall: 3%s}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {}}}]`

func TestAnEndpointThatIsDownGetsNothingUntilItIsUp(t *testing.T) {
	dies, stays := newRevivable(t), newRevivable(t)
	r := start(t, checkedUpstream, dies.address, stays.address, "")
	eventually(t, "both were checked", func() bool {
		a, b := r.endpointOf("u", dies.address), r.endpointOf("u", stays.address)
		return a.Check.State == "up" && b.Check.State == "up" && a.State() == "active"
	})
	dies.kill()
	eventually(t, "it is down", func() bool { return r.endpointOf("u", dies.address).State() == "down" })
	check := r.endpointOf("u", dies.address).Check
	if check.LastError != "connect: connection refused" || check.LastErrorAt == nil || check.Since == nil || check.At == nil {
		t.Errorf("the API says %+v", check)
	}
	if r.isHealthy("u", dies.address) || !r.isHealthy("u", stays.address) {
		t.Error("upstream_healthy is otherwise")
	}
	before := attemptsAt(r, dies.address)
	for range 20 {
		c := r.dial("r")
		c.echo(framed("served"))
		c.Close()
	}
	if n := attemptsAt(r, dies.address); n != before {
		t.Errorf("%d attempts at an endpoint that is down", n-before)
	}
	dies.revive()
	eventually(t, "it is up", func() bool { return r.endpointOf("u", dies.address).State() == "active" })
	if check := r.endpointOf("u", dies.address).Check; check.LastError != "connect: connection refused" {
		t.Errorf("the last failure is forgotten: %+v", check)
	}
	eventually(t, "it gets connections again", func() bool {
		c := r.dial("r")
		c.echo(framed("served"))
		c.Close()
		return attemptsAt(r, dies.address) > before
	})
	log := r.log.String()
	if n := strings.Count(log, `"endpoint down"`); n != 1 || !strings.Contains(log, `"failures":3,"error":"connect: connection refused"`) {
		t.Errorf("%d lines say that it is down:\n%s", n, log)
	}
	if strings.Count(log, `"endpoint up"`) != 1 || strings.Contains(log, "no healthy endpoint") {
		t.Errorf("the log says:\n%s", log)
	}
}

func TestWhereAllAreDownThereIsNoEndpoint(t *testing.T) {
	a, b := newRevivable(t), newRevivable(t)
	r := start(t, checkedUpstream, a.address, b.address, "")
	a.kill()
	b.kill()
	eventually(t, "both are down", func() bool {
		return r.endpointOf("u", a.address).State() == "down" && r.endpointOf("u", b.address).State() == "down"
	})
	eventually(t, "the upstream is out", func() bool { return strings.Contains(r.log.String(), "upstream has no healthy endpoint left") })
	before := attemptsAt(r, a.address) + attemptsAt(r, b.address)
	c := r.dial("r")
	if line := r.endOf(c); line.Reason != "no_endpoint" {
		t.Errorf("it ended as %s", line.Reason)
	}
	if n := attemptsAt(r, a.address) + attemptsAt(r, b.address); n != before {
		t.Errorf("%d attempts", n-before)
	}
}

func TestAHealthCheckByWhatIsAnswered(t *testing.T) {
	sick, well := newRevivable(t), newRevivable(t)
	r := start(t, checkedUpstream, sick.address, well.address, `, send: {text: "PING"}, expect: {text: "PING"}`)
	eventually(t, "both were checked", func() bool {
		return r.endpointOf("u", sick.address).Check.State == "up" && r.endpointOf("u", well.address).Check.State == "up"
	})
	sick.answers("-LOADING")
	eventually(t, "it is down", func() bool { return r.endpointOf("u", sick.address).State() == "down" })
	if words := r.endpointOf("u", sick.address).Check.LastError; words != `the answer begins with "-LOA", not "PING"` {
		t.Errorf("the API says %s", words)
	}
	sick.answers("")
	eventually(t, "it is up", func() bool { return r.endpointOf("u", sick.address).State() == "active" })
}

// TestAnEditOfHealthChecksActsAtOnce takes them away, and has them again, while a connection is open.
func TestAnEditOfHealthChecksActsAtOnce(t *testing.T) {
	dead, well := freeAddress(t), newRevivable(t)
	r := start(t, checkedUpstream, dead, well.address, "")
	c := r.dial("r")
	c.echo(framed("before"))
	eventually(t, "it is down", func() bool { return r.endpointOf("u", dead).State() == "down" })
	without := strings.Replace(checkedUpstream, "health: {every: 20ms, timeout: 10s, rise: 2, fall: 3%s}", "retries: 3%s", 1)
	r.edit(without, dead, well.address, "")
	if e := r.endpointOf("u", dead); e.Check != nil || !e.Healthy {
		t.Errorf("without checks it is %+v", e)
	}
	if !strings.Contains(r.log.String(), `"endpoint up"`) {
		t.Error("nobody was told that it is used again")
	}
	r.edit(checkedUpstream, dead, well.address, "")
	eventually(t, "it is down again", func() bool { return r.endpointOf("u", dead).State() == "down" })
	c.echo(framed("after"))
}

// TestAnEndpointThatIsRemovedIsCheckedNoMore looks at what comes to it.
func TestAnEndpointThatIsRemovedIsCheckedNoMore(t *testing.T) {
	goes, stays := newRevivable(t), newRevivable(t)
	r := start(t, checkedUpstream, goes.address, stays.address, "")
	eventually(t, "both are checked", func() bool {
		return r.endpointOf("u", goes.address).Check.At != nil && r.endpointOf("u", stays.address).Check.At != nil
	})
	one := strings.Replace(checkedUpstream, `"%s", "%s"`, `"%s"`, 1)
	r.edit(one, stays.address, "")
	goes.mu.Lock()
	seen := len(goes.conns)
	goes.mu.Unlock()
	at := r.endpointOf("u", stays.address).Check.At
	eventually(t, "the other is checked ten times", func() bool {
		return r.endpointOf("u", stays.address).Check.At.Sub(*at) > 10*20*time.Millisecond
	})
	goes.mu.Lock()
	defer goes.mu.Unlock()
	if n := len(goes.conns) - seen; n > 1 { // one may have been under way
		t.Errorf("%d checks after it was removed", n)
	}
}

// TestSourceAddressesAreMorePortsThanOneAddressHas has 64 local ports, and opens twice as many connections to one endpoint.
func TestSourceAddressesAreMorePortsThanOneAddressHas(t *testing.T) {
	if !inOwnNetwork(t, "40000 40063") {
		return
	}
	at := backendAt(t, "tcp", "127.0.0.1:9000", echoes)
	r := startAdmin(t, fmt.Sprintf(`
admin: {listen: "127.0.0.1:9180"}
upstreams: {u: {endpoints: ["%s"], retries: 0, source_addresses: [127.0.0.2, 127.0.0.3, 127.0.0.4]}}
routes: [{name: r, listen: "unix:%s/r", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, at, t.TempDir()))
	const most = 3 * 64
	var all []*client
	for i := range most {
		c := r.dial("r")
		c.echo(framed(fmt.Sprint(i)))
		all = append(all, c)
	}
	r.dial("r")
	eventually(t, "the ports are used up", func() bool {
		c := r.dial("r")
		defer c.Close()
		n, _ := io.Copy(io.Discard, c)
		return n == 0 && r.route("r").Closed["connect_failed"] > 0
	})
	e := r.endpointOf("u", at)
	if e.Failures != 0 || e.EjectedUntil != nil || !e.Healthy || e.Connects["local"] == 0 {
		t.Errorf("that there is no port counts against the endpoint: %+v", e)
	}
	for _, c := range all {
		c.echo(framed("still served"))
	}
	all[0].Close()
	eventually(t, "a port is used again", func() bool {
		c := r.dial("r")
		defer c.Close()
		c.send(framed("served"))
		n, _ := io.ReadFull(c, make([]byte, len(framed("served"))))
		return n > 0
	})
}

func TestHealthChecksComeFromTheSourceAddressesToo(t *testing.T) {
	from := make(chan string, 100)
	at := backend(t, func(c *client) {
		from <- c.RemoteAddr().String()
		echoes(c)
	})
	start(t, `
upstreams: {u: {endpoints: ["%s"], source_addresses: [127.0.0.9, "::1"], health: {every: 20ms}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, at)
	if ip, _, err := net.SplitHostPort(<-from); ip != "127.0.0.9" || err != nil {
		t.Errorf("a check came from %s, %v", ip, err)
	}
}

func TestWithoutASourceAddressThereAreAsManyConnectionsAsPorts(t *testing.T) {
	if !inOwnNetwork(t, "40000 40063") {
		return
	}
	at := backendAt(t, "tcp", "127.0.0.1:9000", echoes)
	r := startAdmin(t, fmt.Sprintf(`
admin: {listen: "127.0.0.1:9180"}
upstreams: {u: {endpoints: ["%s"], retries: 0}}
routes: [{name: r, listen: "unix:%s/r", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, at, t.TempDir()))
	for range 100 {
		r.dial("r")
	}
	eventually(t, "64 are open and 36 have failed", func() bool {
		return r.route("r").Connections == 64 && r.route("r").Closed["connect_failed"] == 36
	})
}
