package gateway_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if policy, ok := os.LookupEnv(processPolicy); ok {
		if err := serve(policy); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if address, ok := os.LookupEnv(echoProcess); ok {
		fmt.Fprintln(os.Stderr, serveEchoes(address))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const oneRoute = `
upstreams: {backend: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: backend, policy: `

func TestMessagesOfALongConnection(t *testing.T) {
	for _, row := range []struct {
		rule  string
		idle  string
		gap   time.Duration
		sent  int
		comes int
		ends  string
	}{
		{"gaps shorter than idle_timeout: all five come back", "2s", 500 * time.Millisecond, 5, 5, "client_fin"},
		{"gaps longer than idle_timeout: only the first comes back", "1s", 2 * time.Second, 2, 1, "idle_timeout"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			g := start(t, oneRoute+`{long: {idle_timeout: `+row.idle+`}}}`, backend(t, echoes))
			c := g.dial("r")
			tick := time.NewTicker(row.gap)
			defer tick.Stop()
			size := 0
			for i := range row.sent {
				message := framed(strconv.Itoa(i) + "This was a test for long Conn")
				if i < row.comes {
					c.echo(message)
					size += len(message)
				} else {
					_, _ = c.Write([]byte(message)) // the gateway has closed
				}
				<-tick.C
			}
			if row.ends == "client_fin" {
				c.finish()
				c.receiveFIN()
			}
			line := g.expectEnd("r", row.ends)
			if line.ClientMessages != uint64(row.comes) || line.UpstreamMessages != uint64(row.comes) ||
				line.ClientBytes != uint64(size) || line.UpstreamBytes != uint64(size) {
				t.Errorf("the log counts otherwise than %d messages of %d bytes: %+v", row.comes, size, line)
			}
			figures := g.route("r")
			if figures.Messages[0] != uint64(row.comes) || figures.Bytes[1] != uint64(size) || figures.Opened != 1 {
				t.Errorf("metrics count otherwise: %d messages, %d bytes, %d opened", figures.Messages, figures.Bytes, figures.Opened)
			}
			if gaps := figures.Gap.Count(); gaps != uint64(row.comes-1) {
				t.Errorf("%d gaps between %d messages", gaps, row.comes)
			}
		})
	}
}

func TestTimers(t *testing.T) {
	begin := framed("whole")[:9]
	for _, row := range []struct {
		rule   string
		policy string
		act    func(*client)
		ends   string
		after  time.Duration
	}{
		{"a trickled byte does not keep a connection", `{long: {idle_timeout: 300ms, message_timeout: none}}`, trickle, "idle_timeout", 300 * time.Millisecond},
		{"a message never finished", `{long: {idle_timeout: 10s, message_timeout: 200ms}}`, func(c *client) { c.send(begin) }, "message_timeout", 200 * time.Millisecond},
		{"no first message", `{long: {idle_timeout: 10s, first_message_timeout: 200ms}}`, func(*client) {}, "first_message_timeout", 200 * time.Millisecond},
		{"a short connection, however busy", `{short: {deadline: 300ms}}`, busy, "deadline", 300 * time.Millisecond},
		{"a short connection that says nothing", `{short: {deadline: 10s, read_deadline: 200ms}}`, func(*client) {}, "read_deadline", 200 * time.Millisecond},
		{"a short connection that may be answered until write_deadline", `{short: {deadline: 10s, read_deadline: 2s, write_deadline: 2500ms}}`, func(c *client) { c.echo(framed("x")) }, "write_deadline", 2500 * time.Millisecond},
		{"max_lifetime, however busy", `{long: {max_lifetime: 300ms}}`, busy, "max_lifetime", 300 * time.Millisecond},
		{"the client has finished, the upstream does not", `{long: {half_close_timeout: 200ms}}`, func(c *client) { c.finish() }, "half_close_timeout", 200 * time.Millisecond},
	} {
		t.Run(row.rule, func(t *testing.T) {
			server := backend(t, func(c *client) { // never finishes by itself
				echoesWhole(c)
				<-t.Context().Done()
			})
			g := start(t, oneRoute+row.policy+`}`, server)
			c := g.dial("r")
			row.act(c)
			_, _ = io.Copy(io.Discard, c)
			line := g.expectEnd("r", row.ends)
			if line.Duration < row.after {
				t.Errorf("ended after %v, before it was due", line.Duration)
			}
			for _, n := range g.route("r").Timeouts {
				want := uint64(0)
				if n.Timeout == row.ends && n.Action == "closed" {
					want = 1
				}
				if n.Count != want {
					t.Errorf("timeouts_total{%s,%s} is %d, want %d", n.Timeout, n.Action, n.Count, want)
				}
			}
		})
	}
}

// echoesWhole returns messages once they are whole, so that no reply to a trickled message is ever under way.
func echoesWhole(c *client) {
	header := make([]byte, len(framed("")))
	for {
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(header[7:]))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		if _, err := c.Write(append(header, body...)); err != nil {
			return
		}
	}
}

// trickle sends a message byte by byte until the gateway ends the connection.
func trickle(c *client) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, b := range []byte(framed(strings.Repeat("x", 1000))) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		<-tick.C
	}
}

// busy sends messages and reads them back until the gateway ends the connection.
func busy(c *client) {
	message := []byte(framed("busy"))
	for {
		if _, err := c.Write(message); err != nil {
			return
		}
		if _, err := io.ReadFull(c, make([]byte, len(message))); err != nil {
			return
		}
	}
}

func TestPeersThatEndIt(t *testing.T) {
	for _, row := range []struct {
		rule   string
		server func(*client)
		act    func(*client)
		ends   string
	}{
		{"the client finishes first", echoes, func(c *client) { c.echo(framed("x")); c.finish(); c.receiveFIN() }, "client_fin"},
		{"the upstream finishes first", func(c *client) { c.send(framed("bye")) }, func(c *client) { c.receive(framed("bye")); c.receiveFIN(); c.finish() }, "upstream_fin"},
		{"a FIN inside a message", echoes, func(c *client) { c.send("Head"); c.finish(); c.receive("Head"); c.receiveFIN() }, "client_fin"},
		{"the client resets", echoes, func(c *client) { c.echo(framed("x")); c.reset() }, "client_reset"},
		{"the upstream resets: the client gets what it had sent, then a reset",
			func(c *client) { c.send(framed("last words")); c.receive("go"); c.reset() },
			func(c *client) { c.receive(framed("last words")); c.send("go"); c.receiveReset() }, "upstream_reset"},
		{"a wrong magic", echoes, func(c *client) { c.echo(framed("x")); c.send("Headerz"); c.receiveFIN() }, "protocol_error"},
		{"a length over message_size", echoes, func(c *client) { c.send("Headers\xff\xff\xff\xff"); c.receiveFIN() }, "message_too_large"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			yaml := oneRoute + `{long: {}}}`
			if row.ends == "upstream_reset" {
				yaml = strings.Replace(yaml, framing, "raw", 1)
			}
			g := start(t, yaml, backend(t, row.server))
			row.act(g.dial("r"))
			g.expectEnd("r", row.ends)
		})
	}
}

func TestAClientThatHasFinishedIsStillAnswered(t *testing.T) {
	server := backend(t, func(c *client) {
		request, _ := io.ReadAll(c)
		c.send(framed("answer to " + strconv.Itoa(len(request))))
	})
	g := start(t, oneRoute+`{long: {}}}`, server)
	c := g.dial("r")
	c.send(framed("question"))
	c.finish()
	c.receive(framed("answer to " + strconv.Itoa(len(framed("question")))))
	c.receiveFIN()
	g.expectEnd("r", "client_fin")
}

func TestNoUpstream(t *testing.T) {
	dead := freeAddress(t)
	t.Run("refused everywhere", func(t *testing.T) {
		g := start(t, oneRoute+`{long: {}}}`, dead)
		g.dial("r").receiveFIN()
		g.expectEnd("r", "connect_refused")
	})
	t.Run("the next endpoint is tried", func(t *testing.T) {
		g := start(t, `
upstreams: {backend: {endpoints: ["%s", "%s"], balance: round_robin}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, dead, backend(t, echoes))
		for range 4 {
			g.dial("r").echo(framed("x"))
		}
	})
	t.Run("never answers", func(t *testing.T) {
		g := start(t, `
upstreams: {backend: {endpoints: ["%s"], connect_timeout: 200ms}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {}}}]`, silent(t))
		g.dial("r").receiveFIN()
		if line := g.expectEnd("r", "connect_timeout"); line.Duration < 200*time.Millisecond {
			t.Errorf("given up after %v, before connect_timeout", line.Duration)
		}
	})
}

func TestAddressFamilies(t *testing.T) {
	dir := t.TempDir()
	inside := backendAt(t, "unix", filepath.Join(dir, "backend"), echoes)
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", "unix:" + filepath.Join(dir, "front")} {
		t.Run(listen, func(t *testing.T) {
			g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "%s", protocol: delimiter, upstream: backend, policy: {long: {}}}]`, inside, listen)
			c := g.dial("r")
			c.echo("hello\n")
			c.finish()
			c.receiveFIN()
			g.expectEnd("r", "client_fin")
		})
	}
}
