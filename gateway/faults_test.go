package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// silent returns an address that answers no SYN: its backlog of one is full.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for { // until one is not answered
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
}

func TestBrokenFramesLoseNothingThatWasSound(t *testing.T) {
	sound := framed("one") + framed("two")
	for at := range len("Headers") {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("magic wrong at byte %d, in a read of its own: %v", at, cut), func(t *testing.T) {
				var got bytes.Buffer
				arrived := make(chan struct{})
				server := backend(t, func(c *client) {
					_, _ = io.Copy(&got, c)
					close(arrived)
				})
				g := start(t, oneRoute+`{long: {}}}`, server)
				c := g.dial("r")
				broken := []byte(framed("three"))
				broken[at] ^= 0x20
				if cut {
					c.send(sound)
					eventually(t, "the sound messages have come", func() bool { return g.route("r").Messages[0] == 2 })
					c.send(string(broken))
				} else {
					c.send(sound + string(broken))
				}
				c.receiveFIN()
				<-arrived
				if got.String() != sound {
					t.Errorf("the upstream received %q, want the sound messages %q", got.String(), sound)
				}
				g.expectEnd("r", "protocol_error")
			})
		}
	}
}

func TestOversizeLengths(t *testing.T) {
	for _, length := range []string{"\x00\x00\x00\x00\x01\x00\x00\x01", "\x7f\xff\xff\xff\xff\xff\xff\xff", "\x80\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		t.Run(fmt.Sprintf("%x", length), func(t *testing.T) {
			g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: {length_field: {size: 8}}, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
			c := g.dial("r")
			c.send(length)
			c.receiveFIN()
			want := "message_too_large"
			if length[0] >= 0x80 {
				want = "protocol_error"
			}
			g.expectEnd("r", want)
		})
	}
}

func TestAnUpstreamThatBreaksTheProtocol(t *testing.T) {
	g := start(t, oneRoute+`{long: {}}}`, backend(t, func(c *client) {
		c.send(framed("good") + "bad")
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.receive(framed("good"))
	c.receiveFIN()
	g.expectEnd("r", "protocol_error")
}

func TestLimitsAndAccess(t *testing.T) {
	t.Run("deny wins over allow", func(t *testing.T) {
		g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", allow: [127.0.0.0/8], deny: [127.0.0.1], protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
		g.refused("r")
		eventually(t, "refused as denied", func() bool { return g.route("r").Refused["denied"] == 1 })
		if n := g.route("r").Opened; n != 0 {
			t.Errorf("%d were counted as opened", n)
		}
	})
	t.Run("limits.connections", func(t *testing.T) {
		g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", limits: {connections: 2}, protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
		first, second := g.dial("r"), g.dial("r")
		first.echo("1")
		second.echo("2")
		g.refused("r")
		eventually(t, "refused", func() bool { return g.route("r").Refused["over_route_limit"] == 1 })
		first.finish()
		first.receiveFIN()
		g.ended("r", 1)
		g.dial("r").echo("3")
		second.echo("still")
	})
	t.Run("max_connections with on_full refuse", func(t *testing.T) {
		g := start(t, `
gateway: {max_connections: 1, on_full: refuse}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
		first := g.dial("r")
		first.echo("1")
		g.refused("r")
		eventually(t, "refused", func() bool { return g.route("r").Refused["over_capacity"] == 1 })
		first.echo("still")
	})
	t.Run("max_connections with on_full wait", func(t *testing.T) {
		g := start(t, `
gateway: {max_connections: 1}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
		first := g.dial("r")
		first.echo("1")
		second := g.dial("r") // in the backlog
		second.send("2")
		first.echo("still")
		if n := g.route("r").Opened; n != 1 {
			t.Fatalf("%d are open, want the second to wait", n)
		}
		first.finish()
		first.receiveFIN()
		second.receive("2")
	})
}

func TestConnectOnFirstMessage(t *testing.T) {
	yaml := `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: ` + framing + `, upstream: backend, policy: {long: {first_message_timeout: 300ms}}}]`
	patient := strings.Replace(yaml, "300ms", "10m", 1)
	connects := func(g *running) uint64 {
		s, err := g.g.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Upstreams[0].Endpoints[0].Connects["ok"]
	}
	t.Run("connects when a whole message has come, and passes on all that was held", func(t *testing.T) {
		g := start(t, patient, backend(t, echoes))
		c := g.dial("r")
		message := framed(strings.Repeat("held", 5000))
		for _, part := range []string{message[:3], message[3:9], message[9:5000]} {
			before := g.route("r").Bytes[0]
			c.send(part)
			eventually(t, "the part has come", func() bool { return g.route("r").Bytes[0] == before+uint64(len(part)) })
		}
		if n := connects(g); n != 0 {
			t.Fatalf("%d upstream connections before a message was whole", n)
		}
		c.send(message[5000:])
		c.receive(message)
		c.echo(framed("and on"))
	})
	t.Run("never, where none comes", func(t *testing.T) {
		g := start(t, yaml, backend(t, echoes))
		c := g.dial("r")
		c.send("Headers")
		c.receiveFIN()
		g.expectEnd("r", "first_message_timeout")
		if n := connects(g); n != 0 {
			t.Fatalf("%d upstream connections", n)
		}
	})
	t.Run("a first message that cannot be held", func(t *testing.T) {
		g := start(t, patient, backend(t, echoes))
		c := g.dial("r")
		_, _ = c.Write([]byte(framed(strings.Repeat("x", 1<<17))))
		_, _ = io.Copy(io.Discard, c)
		g.expectEnd("r", "message_too_large")
	})
	t.Run("the client gives up before", func(t *testing.T) {
		g := start(t, patient, backend(t, echoes))
		c := g.dial("r")
		c.send("Headers")
		c.finish()
		c.receiveFIN()
		g.expectEnd("r", "client_fin")
	})
}

func TestCloseRST(t *testing.T) {
	g := start(t, oneRoute+`{long: {idle_timeout: 1s, close: rst}}}`, backend(t, echoes))
	c := g.dial("r")
	c.echo(framed("x"))
	c.receiveReset()
	g.expectEnd("r", "idle_timeout")
}

func TestDryRun(t *testing.T) {
	g := start(t, oneRoute+`{long: {idle_timeout: 100ms, dry_run: true}}}`, backend(t, echoes))
	c := g.dial("r")
	observed := func() (n uint64) {
		for _, timeout := range g.route("r").Timeouts {
			if timeout.Timeout == "idle_timeout" && timeout.Action == "observed" {
				n = timeout.Count
			}
		}
		return n
	}
	for range 3 { // at least one for each silence: the first may be over before the first message
		c.echo(framed("x"))
		before := observed()
		eventually(t, "idle_timeout was observed", func() bool { return observed() > before })
	}
	if !strings.Contains(g.log.String(), "would have ended") {
		t.Error("the log does not tell")
	}
	c.finish()
	c.receiveFIN()
	g.expectEnd("r", "client_fin")
}

func TestDrain(t *testing.T) {
	g := start(t, `
gateway: {drain_timeout: 2s}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	leaves, stays := g.dial("r"), g.dial("r")
	leaves.echo(framed("a"))
	stays.echo(framed("b"))
	address := g.g.Addresses("r")[0]
	g.g.Drain()
	g.g.Drain()
	eventually(t, "no more are accepted", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if ready, why := g.g.Ready(); ready || why != "draining" {
		t.Errorf("Ready is %v, %q", ready, why)
	}
	leaves.echo(framed("what is open still works"))
	leaves.finish()
	leaves.receiveFIN()
	stays.receiveFIN()
	if reason := g.endOf(leaves).Reason; reason != "drained" {
		t.Errorf("who left ended as %s, want drained", reason)
	}
	if line := g.endOf(stays); line.Reason != "shutdown" || line.Duration < 2*time.Second {
		t.Errorf("who stayed ended as %s after %v, want shutdown at drain_timeout", line.Reason, line.Duration)
	}
	if err := <-g.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	g.done <- nil
}
