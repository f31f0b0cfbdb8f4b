package gateway_test

import (
	"io"
	"strings"
	"testing"
	"time"
)

// Heartbeats that the gateway answers whatever state the upstream is in.

// TestHeartbeatsAreAnsweredWhileTheUpstreamReadsNothing makes the kernel take what little there is for it.
func TestHeartbeatsAreAnsweredWhileTheUpstreamReadsNothing(t *testing.T) {
	stop := make(chan struct{})
	g := start(t, pinged("heartbeat: answer", ""), backend(t, func(*client) { <-stop }))
	t.Cleanup(func() { close(stop) })
	c := g.dial("r")
	c.send("data\n")
	for range 10 {
		c.send("ping\n")
		c.receive("pong\n")
	}
}

// TestHeartbeatsBehindWhatASlowUpstreamDoesNotTakeAreAnsweredAfterIt has a client whose messages wait for the upstream: it is not read,
// and not silent.
func TestHeartbeatsBehindWhatASlowUpstreamDoesNotTakeAreAnsweredAfterIt(t *testing.T) {
	const size = 16 << 20
	read, took := make(chan struct{}), make(chan int64, 1)
	g := start(t, pinged("heartbeat: answer, idle_timeout: 2s", "    limits: {message_size: 64MiB}\n"), backend(t, func(c *client) {
		<-read
		n, _ := io.Copy(io.Discard, c)
		took <- n
	}))
	t.Cleanup(func() {
		select {
		case <-read:
		default:
			close(read)
		}
	})
	sent, text := make(chan error, 1), strings.Repeat(strings.Repeat("x", 1023)+"\n", size>>10)+"ping\n"
	c := g.dial("r")
	go func() {
		_, err := io.WriteString(c, text)
		sent <- err
	}()
	eventually(t, "it is read no more, for longer than idle_timeout", func() bool {
		e := g.onlyConnection()
		return e.ReadPaused && e.Connection.AgeSeconds > 4.5
	})
	close(read)
	c.receive("pong\n")
	must(t, <-sent)
	c.finish()
	c.receiveFIN()
	g.expectEnd("r", "client_fin")
	if n := <-took; n != size {
		t.Errorf("the backend was sent %d bytes, want %d", n, size)
	}
}

// TestHeartbeatsAreAnsweredAroundASlowConnect has the first message wait for a connect that fails, and for the one after it. Meanwhile the
// client is not read, and not silent.
func TestHeartbeatsAreAnsweredAroundASlowConnect(t *testing.T) {
	l := &listener{}
	g := start(t, `
upstreams: {u: {connect_timeout: 2500ms, endpoints: ["%s", {address: "%s", backup: true}]}}
routes:
  - name: r
    listen: "127.0.0.1:0"
    protocol: {delimiter: {text: "\n"}, heartbeat: {match: {text: "ping"}, answer: {text: "pong"}}}
    upstream: u
    connect_on: first_message
    policy: {long: {heartbeat: answer, idle_timeout: 1500ms}}`, silent(t), backend(t, l.serve))
	c := g.dial("r")
	c.send("ping\n")
	c.receive("pong\n")
	began := time.Now()
	c.send("data\n")
	c.send("ping\n")
	got := make([]byte, len("pong\ndata\n"))
	if _, err := io.ReadFull(c, got); err != nil || !strings.Contains(string(got), "pong\n") || !strings.Contains(string(got), "data\n") {
		t.Errorf("received %q, %v", got, err)
	}
	if took := time.Since(began); took < 2500*time.Millisecond {
		t.Errorf("it took %v, but the first endpoint does not answer", took)
	}
	if heard := l.heard(); heard != "data\n" {
		t.Errorf("the backend heard %q", heard)
	}
	c.receiveFIN()
	g.expectEnd("r", "idle_timeout")
}
