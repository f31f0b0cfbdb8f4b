package gateway_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// rated is a policy of lines, whose limits and policy are to be filled in.
const rated = `
gateway: {edit_grace: none}
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", limits: {%s}, protocol: %s, upstream: u, policy: {long: {%s}}}]`

func TestTooManyMessagesEndTheConnection(t *testing.T) {
	g := start(t, rated, backend(t, echoes), "messages_per_second: 100", "delimiter", "")
	c := g.dial("r")
	c.send(strings.Repeat("x\n", 90))
	c.receive(strings.Repeat("x\n", 90))
	c.send(strings.Repeat("y\n", 200))
	if line := g.endOf(c); line.Reason != "rate_limited" {
		t.Errorf("%+v", line)
	}
}

// TestDelayedMessagesComeAtTheirRate sends three seconds' worth at once, a line at a time, to a policy that would end a client that is
// silent for as long as it has to wait.
func TestDelayedMessagesComeAtTheirRate(t *testing.T) {
	g := start(t, rated, backend(t, echoes), "messages_per_second: {rate: 100, over: delay}", "delimiter", "idle_timeout: 1500ms")
	c := g.dial("r")
	began := time.Now()
	for range 300 {
		c.echo("a line\n")
	}
	if took := time.Since(began); took < 1900*time.Millisecond { // a second's worth comes at once
		t.Errorf("300 messages took %v", took)
	}
	if f := g.route("r"); f.Connections != 1 {
		t.Errorf("it has ended: %v", f.Closed)
	}
}

// TestBytesComeAtTheirRate sends three seconds' worth at once, over a policy that would end a client that is silent for as long.
func TestBytesComeAtTheirRate(t *testing.T) {
	const rate = 256 << 10
	for _, protocol := range []string{"raw", "{length_field: {size: 4}}"} {
		t.Run(protocol, func(t *testing.T) {
			g := start(t, rated, backend(t, echoes), "bytes_per_second: 256KiB", protocol, "idle_timeout: 1500ms, message_timeout: 1500ms")
			c := g.dial("r")
			sent := "\x00\x0b\xff\xfc" + strings.Repeat("x", 3*rate-4) // one message
			began := time.Now()
			go func() { _, _ = c.Write([]byte(sent)) }()
			eventually(t, "it is said why the client is not read", func() bool {
				all := g.list(api.Filter{})
				if len(all) != 1 {
					return false
				}
				e, err := g.g.Explain(t.Context(), all[0].ID)
				return err == nil && strings.Contains(strings.Join(e.ReadPausedFor, " "), "rate")
			})
			if n, err := io.CopyN(io.Discard, c, int64(len(sent))); err != nil {
				t.Fatalf("after %d bytes: %v; closed: %v", n, err, g.route("r").Closed)
			}
			if took := time.Since(began); took < 1900*time.Millisecond {
				t.Errorf("three seconds' worth took %v", took)
			}
		})
	}
}

// TestAnEditSetsAndLiftsRates slows an open connection, and then not any more.
func TestAnEditSetsAndLiftsRates(t *testing.T) {
	at := backend(t, echoes)
	g := start(t, rated, at, "", "raw", "")
	c := g.dial("r")
	c.echo("hello")
	g.edit(rated, at, "bytes_per_second: 10B", "raw", "")
	c.send(strings.Repeat("x", 4000)) // 400 seconds' worth
	c.receive("xxxxxxxxxx")
	g.edit(rated, at, "", "raw", "")
	c.receive(strings.Repeat("x", 3990))
}
