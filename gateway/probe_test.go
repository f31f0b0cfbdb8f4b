package gateway_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

const (
	wsUpgrade = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
	wsGrant   = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
)

// wsPong is a client's pong, masked with zeros.
func wsPong(payload string) string {
	return string([]byte{0x8a, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// TestLatePongsOfSeveralProbesAreAllForTheGateway has a client that speaks before it answers, so that it is asked again.
func TestLatePongsOfSeveralProbesAreAllForTheGateway(t *testing.T) {
	l := &listener{}
	g := start(t, speaks("websocket", "probe: {after: 50ms, timeout: 20s}, idle_timeout: 20s", ""), backend(t, func(c *client) {
		c.receive(wsUpgrade)
		_, _ = c.Write([]byte(wsGrant))
		_, _ = io.Copy(l, c)
	}))
	c := g.dial("r")
	c.send(wsUpgrade)
	c.receive(wsGrant)
	const asked, word = 3, "\x82\x81\x00\x00\x00\x00a"
	for n := range asked {
		c.receive(fmt.Sprintf("\x89\x12idlegate asks %04x", n+1))
		if n < asked-1 {
			c.send(word)
		}
	}
	c.send(wsPong("idlegate asks 0001") + wsPong("idlegate asks 0003") + wsPong("its own") + wsPong("idlegate asks 0002") + wsPong("idlegate asks 0003"))
	want := word + word + wsPong("its own") + wsPong("idlegate asks 0003")
	eventually(t, "the backend hears what is its", func() bool { return len(l.heard()) >= len(want) })
	if l.heard() != want {
		t.Errorf("the backend heard %q, want %q", l.heard(), want)
	}
	if r := g.route("r"); r.Probes["answered"] < asked || r.Probe.Count() > r.Probes["answered"] || r.Probe.Count() == 0 {
		t.Errorf("%v probes, %d times", r.Probes, r.Probe.Count())
	}
}

// TestADryRunAsksNobody has a client that would have been asked, and ended, many times over.
func TestADryRunAsksNobody(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("probe: {after: 20ms, timeout: 20ms}, dry_run: true", ""), backend(t, l.serve))
	c := g.dial("r")
	must(t, c.SetReadDeadline(time.Now().Add(400*time.Millisecond)))
	var b [1]byte
	n, err := c.Read(b[:])
	if failure, ok := err.(net.Error); n > 0 || !ok || !failure.Timeout() { //nolint:errorlint // Read returns it so
		t.Fatalf("received %q, %v", b[:n], err)
	}
	must(t, c.SetReadDeadline(time.Now().Add(patience)))
	c.echo("data\n")
	if r := g.route("r"); r.Probes["answered"]+r.Probes["unanswered"] > 0 || l.heard() != "data\n" {
		t.Errorf("probes %v; the backend heard %q", r.Probes, l.heard())
	}
}

// echoAmidProbes sends data, and answers the probes that come before it is back.
func (c *client) echoAmidProbes() {
	c.t.Helper()
	const data = "data\n"
	c.send(data)
	for b := make([]byte, len(data)); ; c.send("pong\n") {
		if _, err := io.ReadFull(c, b); err != nil {
			c.t.Fatal(err)
		}
		if string(b) == data {
			return
		}
	}
}

// TestAClientThatDrainsIsStillAsked has one that answers, and one that is gone, while the gateway waits for them.
func TestAClientThatDrainsIsStillAsked(t *testing.T) {
	l := &listener{}
	const drained = 15 * time.Second
	g := start(t, fmt.Sprintf("gateway: {drain_timeout: %v}\n", drained)+pinged("probe: {after: 50ms, timeout: 2s}", ""), backend(t, l.serve))
	alive, dead := g.dial("r"), g.dial("r")
	alive.echoAmidProbes()
	dead.echoAmidProbes()
	g.g.Drain()
	gone, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for here := true; here; {
			select {
			case <-gone:
				here = false
			default:
			}
			alive.receive("ping\n")
			alive.send("pong\n")
		}
		alive.finish()
	}()
	dead.receive("ping\n")
	dead.receiveFIN()
	close(gone)
	<-done
	for _, c := range []*client{dead, alive} {
		if line := g.endOf(c); line.Reason != "drained" || line.Duration > drained {
			t.Errorf("ended as %s after %v", line.Reason, line.Duration)
		}
	}
	if l.heard() != "data\ndata\n" {
		t.Errorf("the backend heard %q", l.heard())
	}
}
