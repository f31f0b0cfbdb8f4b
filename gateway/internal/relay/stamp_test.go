package relay_test

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

const idle = 3 * time.Second // in which a machine that has other work comes to what the tests do

// TestAMessageThatComesDuringALongWakeUpIsNotStampedBefore makes a wake-up last while a message comes, and expects that
// idle_timeout counts from then.
func TestAMessageThatComesDuringALongWakeUpIsNotStampedBefore(t *testing.T) {
	ended := make(chan func(), 1)
	loop, address := runLoop(t, ended, deadline.Durations{deadline.IdleTimeout: idle})
	slow, busy := served(t, address), served(t, address)
	var last time.Time
	ended <- func() { // on the loop, before it comes to busy
		<-time.After(100 * time.Millisecond)
		last = time.Now()
		send(t, busy)
		<-time.After(10 * time.Millisecond) // until it is there
	}
	loop.Post(func() { // both are ready at the next wake-up, in this order
		_ = slow.(*net.TCPConn).SetLinger(0)
		slow.Close()
		send(t, busy)
		<-time.After(10 * time.Millisecond)
	})
	if n, err := io.Copy(io.Discard, busy); n != 2 || err != nil {
		t.Fatalf("%d bytes came back, %v", n, err)
	}
	if silent := time.Since(last); silent < idle {
		t.Errorf("ended after %v of silence, before idle_timeout of %v", silent, idle)
	}
}

// TestAClientWhoComesDuringALongWakeUpIsNotStampedBefore is the same for a deadline that counts from accept.
func TestAClientWhoComesDuringALongWakeUpIsNotStampedBefore(t *testing.T) {
	ended := make(chan func(), 1)
	loop, address := runLoop(t, ended, deadline.Durations{deadline.Deadline: idle})
	slow := served(t, address)
	var began time.Time
	came := make(chan net.Conn, 2)
	arrive := func() {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Error(err)
		}
		came <- c
	}
	ended <- func() { // on the loop, before it accepts
		<-time.After(100 * time.Millisecond)
		began = time.Now()
		arrive()
	}
	loop.Post(func() { // both are ready at the next wake-up, in this order
		_ = slow.(*net.TCPConn).SetLinger(0)
		slow.Close()
		arrive()
	})
	for range 2 { // the later one is the second
		c := <-came
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if open := time.Since(began); open < idle {
		t.Errorf("ended %v after it was accepted, before its deadline of %v", open, idle)
	}
}

func send(t *testing.T, c net.Conn) {
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error(err)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// served returns a client that has had an answer: another comes where a timer has ended one before, as on a slow machine.
func served(t *testing.T, address string) net.Conn {
	t.Helper()
	for range 20 {
		c := dial(t, address)
		_, err := c.Write([]byte("x"))
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		if err == nil {
			return c
		}
		t.Log(err)
	}
	t.Fatal("none is served in time")
	return nil
}

// reporter calls on the loop what it finds in its channel when a connection ends.
type reporter chan func()

func (r reporter) Ended(ledger.Ended) {
	select {
	case f := <-r:
		f()
	default:
	}
}
func (reporter) Observed(relay.Observed) {}
func (reporter) Resumed(relay.Resumed)   {}
func (reporter) Trouble(relay.Trouble)   {}
func (reporter) Health(relay.Health)     {}

// runLoop runs a loop with a raw route to a server that returns what it gets.
func runLoop(t *testing.T, r reporter, timers deadline.Durations) (*relay.Loop, string) {
	t.Helper()
	clock, err := reactor.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := reactor.Listen(reactor.TCP(netip.MustParseAddrPort("127.0.0.1:0")), false, reactor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := &upstream.Endpoint{ID: 1}
	endpoint.Move(reactor.TCP(netip.MustParseAddrPort(echo(t))))
	up := relay.NewUpstream("u", 1)
	up.SetContact(relay.Contact{Endpoints: upstream.New(upstream.Config{Members: []upstream.Member{{Endpoint: endpoint, Weight: 1}}})})
	route := &relay.Route{
		RouteStats: relay.NewRouteStats("r", 1),
		Pinned:     &relay.Pinned{Upstream: up},
		Rules: session.Rules{
			Protocol: protocol.NewFraming([2]protocol.Framer{protocol.NewRaw(), protocol.NewRaw()}),
			ResetOn:  deadline.ResetOnClient,
			Enforced: timers,
		},
	}
	gate := relay.NewAdmission(10, relay.Wait)
	loop, err := relay.New(relay.Config{
		Clock: clock, Budget: relay.NewBudget(1 << 20), Admission: gate, Reporter: r,
	})
	if err != nil {
		t.Fatal(err)
	}
	gate.Share([]*relay.Loop{loop})
	if err := loop.Accept([]relay.Binding{{Listener: listener, Routes: relay.Only(route)}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := loop.Run(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		loop.Post(loop.Stop)
		wg.Wait()
	})
	return loop, listener.String()
}

// echo is a server that returns what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}
