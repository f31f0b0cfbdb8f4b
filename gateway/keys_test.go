package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// TestThereAreAsManyLoopsAsTheFileSays looks at loop_busy_seconds_total, which has a series for each.
func TestThereAreAsManyLoopsAsTheFileSays(t *testing.T) {
	for _, loops := range []int{1, 3} {
		r := start(t, fmt.Sprintf("gateway: {loops: %d}\n", loops)+oneRoute+"{long: {}}}", backend(t, echoes))
		if got := len(r.snapshot().LoopsBusy); got != loops {
			t.Errorf("loops: %d gives %d", loops, got)
		}
		r.dial("r").echo(framed("x"))
	}
}

// TestJitterSpreadsMaxLifetime has many connections that came at once end one after the other: each within the share of max_lifetime
// that jitter may take off, and none later than that.
func TestJitterSpreadsMaxLifetime(t *testing.T) {
	const lifetime, many = 2 * time.Second, 40
	r := start(t, oneRoute+"{long: {idle_timeout: 1h, max_lifetime: 2s, jitter: 50%%}}}", backend(t, echoes))
	var clients []*client
	for range many {
		c := r.dial("r")
		c.echo(framed("x"))
		clients = append(clients, c)
	}
	early := 0
	for _, c := range clients {
		line := r.endOf(c)
		if line.Reason != "max_lifetime" {
			t.Fatalf("it ended as %s", line.Reason)
		}
		if line.Duration < lifetime/2 {
			t.Errorf("it ended after %v, more than jitter takes off", line.Duration)
		}
		if line.Duration < lifetime {
			early++
		}
	}
	if early < many/2 { // each is, but for one in 65536
		t.Errorf("%d of %d ended before max_lifetime: nothing is spread", early, many)
	}
}

// TestWithoutJitterMaxLifetimeIsWhole has none end early.
func TestWithoutJitterMaxLifetimeIsWhole(t *testing.T) {
	r := start(t, oneRoute+"{long: {idle_timeout: 1h, max_lifetime: 300ms}}}", backend(t, echoes))
	for range 5 {
		if line := r.endOf(r.dial("r")); line.Reason != "max_lifetime" || line.Duration < 300*time.Millisecond {
			t.Errorf("it ended as %s after %v", line.Reason, line.Duration)
		}
	}
}

// TestDrainTimeoutCutsWhatIsLeft drains a gateway with a client that does not go.
func TestDrainTimeoutCutsWhatIsLeft(t *testing.T) {
	r := start(t, "gateway: {drain_timeout: 400ms}\n"+oneRoute+"{long: {idle_timeout: 1h}}}", backend(t, echoes))
	c := r.dial("r")
	c.echo(framed("x"))
	began := time.Now()
	r.g.Drain()
	if line := r.endOf(c); line.Reason != "shutdown" || time.Since(began) < 400*time.Millisecond {
		t.Errorf("it ended as %s after %v", line.Reason, time.Since(began))
	}
}

// TestADrainWithoutTimeoutWaitsForTheLast drains with drain_timeout: none.
func TestADrainWithoutTimeoutWaitsForTheLast(t *testing.T) {
	r := start(t, "gateway: {drain_timeout: none}\n"+oneRoute+"{long: {idle_timeout: 1h}}}", backend(t, echoes))
	c := r.dial("r")
	c.echo(framed("x"))
	r.g.Drain()
	eventually(t, "it drains", func() bool { l := r.list(api.Filter{}); return len(l) == 1 && l[0].State == api.Draining })
	<-time.After(300 * time.Millisecond)
	c.echo(framed("it goes on"))
	c.finish()
	if line := r.endOf(c); line.Reason != "drained" {
		t.Errorf("it ended as %s", line.Reason)
	}
}
