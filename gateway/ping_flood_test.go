package gateway_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// TestAFloodOfHeartbeatsIsBounded makes clients send heartbeats as fast as they can and read no answer: they are read no more, little is
// kept, and when they read they get an answer to each.
func TestAFloodOfHeartbeatsIsBounded(t *testing.T) {
	const kept = 64 << 10 // bytes at most, of answers and of what was read and not looked at yet
	payload := strings.Repeat("p", 100)
	for _, row := range []struct {
		protocol            string
		opens, opened       string // said by the client, and by the server
		greeting            string
		heartbeat, answered string
	}{
		{"resp", "*1\r\n$4\r\nTIME\r\n", "+now\r\n", "", "*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		{"websocket", wsUpgrade, wsGrant, "", "\x89\xe4\x00\x00\x00\x00" + payload, "\x8a\x64" + payload},
		{"nats", "", "", "INFO {}\r\n", "PING\r\n", "PONG\r\n"},
		{`{delimiter: {text: "\n"}, heartbeat: {match: {text: "ping"}, answer: {text: "` + payload + `"}}}`, "a\n", "a\n", "", "ping\n", payload + "\n"},
	} {
		t.Run(strings.Trim(strings.SplitN(row.protocol, ":", 2)[0], "{"), func(t *testing.T) {
			heard := &listener{}
			g := start(t, speaks(row.protocol, "heartbeat: answer, write_timeout: none", ""), backend(t, func(c *client) {
				_, _ = c.Write([]byte(row.greeting))
				c.receive(row.opens)
				_, _ = c.Write([]byte(row.opened))
				_, _ = io.Copy(heard, c)
			}))
			c := g.dial("r")
			c.receive(row.greeting)
			c.send(row.opens)
			c.receive(row.opened)
			c.smallReads()
			_ = c.SetDeadline(time.Now().Add(3 * patience))
			stop, sent := make(chan struct{}), make(chan int, 1)
			go func() {
				const together = 10_000
				beats, n := bytes.Repeat([]byte(row.heartbeat), together), 0
				for {
					select {
					case <-stop:
						sent <- n
						return
					default:
					}
					if _, err := c.Write(beats); err != nil {
						t.Error(err)
					}
					n += together
				}
			}()
			most, answered, since := int64(0), uint64(0), time.Now()
			eventually(t, "it is read no more", func() bool {
				figures, e := g.snapshot(), g.onlyConnection()
				if now := figures.Routes[0].Heartbeats[0]; now != answered || !e.ReadPaused || strings.Join(e.ReadPausedFor, " ") == "" {
					answered, since = now, time.Now()
				}
				most = max(most, figures.BufferBytes)
				return answered > 0 && time.Since(since) > 300*time.Millisecond
			})
			if most == 0 || most > kept {
				t.Errorf("%d heartbeats were answered, %d bytes were held", answered, most)
			}
			close(stop)
			answers := make(chan uint64, 1)
			go func() {
				n, err := io.Copy(io.Discard, c)
				if err != nil {
					t.Error(err)
				}
				answers <- uint64(n)
			}()
			beats := uint64(<-sent)
			c.finish()
			g.expectEnd("r", "client_fin")
			if got := <-answers; got != beats*uint64(len(row.answered)) {
				t.Errorf("%d bytes of answers to %d heartbeats", got, beats)
			}
			if heard.heard() != "" {
				t.Errorf("the backend heard %.80q", heard.heard())
			}
		})
	}
}
