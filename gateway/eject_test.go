package gateway_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// resetting is a backend that accepts, and resets at the first byte.
func resetting(t *testing.T) string {
	return backend(t, func(c *client) {
		_, _ = c.Read(make([]byte, 1))
		c.reset()
	})
}

// attemptsAt returns how many attempts to connect to an endpoint have ended, whatever came of them.
func attemptsAt(r *running, endpoint string) (n uint64) {
	r.t.Helper()
	for _, u := range r.snapshot().Upstreams {
		for _, e := range u.Endpoints {
			if e.Address != endpoint {
				continue
			}
			for _, ended := range e.Connects {
				n += ended
			}
		}
	}
	return n
}

func TestABlackHoleOfTwoSlowsAtMostOneInAHundred(t *testing.T) {
	for _, balance := range []string{"least_connections", "round_robin"} {
		t.Run(balance, func(t *testing.T) {
			hole := silent(t)
			r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], balance: %s, connect_timeout: 100ms, eject: {failures: 3, for: 1h}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, hole, backend(t, echoes), balance)
			const clients = 400
			for range clients {
				c := r.dial("r")
				c.echo(framed("served"))
				c.Close()
			}
			if n := attemptsAt(r, hole); n > clients/100 {
				t.Errorf("%d of %d clients waited for the black hole, want at most one in a hundred", n, clients)
			}
		})
	}
}

func TestAnEndpointThatRefusesIsTriedThreeTimes(t *testing.T) {
	dead := freeAddress(t)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], eject: {failures: 3, for: 1h}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, dead, backend(t, echoes))
	for range 50 {
		r.dial("r").echo(framed("served"))
	}
	if n := attemptsAt(r, dead); n != 3 {
		t.Errorf("it was tried %d times, want 3", n)
	}
}

func TestAnEndpointThatAcceptsAndResetsIsEjected(t *testing.T) {
	bad, good := resetting(t), backend(t, echoes)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s", "%s"], eject: {failures: 3, for: 1h}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, bad, good, backend(t, echoes))
	failed := 0
	for i := range 60 {
		c := r.dial("r")
		c.send(framed("hello"))
		if _, err := io.ReadFull(c, make([]byte, len(framed("hello")))); err != nil {
			failed++
		}
		c.Close()
		r.ended("r", i+1)
	}
	if failed != 3 {
		t.Errorf("%d of 60 clients failed, want 3", failed)
	}
}

// TestClientsOfABlackHoleThatComeAtOnce bounds how many wait for an endpoint that answers nothing before any attempt has
// timed out.
func TestClientsOfABlackHoleThatComeAtOnce(t *testing.T) {
	hole := silent(t)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], connect_timeout: 1s, eject: {failures: 3, for: 1h}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, hole, backend(t, echoes))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				r.dial("r").echo(framed("served"))
			}
		})
	}
	wg.Wait()
	if n := attemptsAt(r, hole); n > 16 {
		t.Errorf("%d of 200 waited for the black hole, want two for each of the eight that came at once", n)
	}
}

func TestAllEndpointsOutAreUsedAgain(t *testing.T) {
	var down sync.Mutex // held while it is down
	at := freeAddress(t)
	r := start(t, `
log: {connections: all}
upstreams: {u: {endpoints: ["%s"], eject: {failures: 2, for: 1h}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, at)
	down.Lock()
	for i := range 4 {
		r.dial("r").receiveFIN()
		line := r.ended("r", i+1)
		if line.Reason != "connect_refused" || line.Endpoint != at || line.Error != "connection refused" {
			t.Errorf("connection %d ended as %+v, want the endpoint last tried and the error", i, line)
		}
	}
	down.Unlock()
	if n := strings.Count(r.log.String(), `"level":"ERROR"`); n != 1 {
		t.Errorf("%d error lines, want one:\n%s", n, r.log)
	}
	backendAt(t, "tcp", at, echoes)
	c := r.dial("r")
	c.echo(framed("it is back"))
	c.finish()
	c.receiveFIN()
	eventually(t, "the log says so", func() bool {
		return len(r.log.times("endpoint back")) == 1 && len(r.log.times("upstream has a healthy endpoint again")) == 1
	})
	if n := len(r.log.times("endpoint ejected")); n != 1 {
		t.Errorf("%d lines of ejection, want one", n)
	}
}

func TestAnEjectedEndpointIsProbedByOneConnection(t *testing.T) {
	hole := silent(t)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], connect_timeout: 1s, eject: {failures: 1, for: 50ms}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, hole, backend(t, echoes))
	r.dial("r").echo(framed("served"))
	began := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				r.dial("r").echo(framed("served"))
			}
		})
	}
	wg.Wait()
	// Each probe takes at least connect_timeout, and another follows after it.
	if n, most := attemptsAt(r, hole), 2+uint64(time.Since(began)/time.Second); n > most {
		t.Errorf("%d attempts, want at most %d: one at a time", n, most)
	}
}
