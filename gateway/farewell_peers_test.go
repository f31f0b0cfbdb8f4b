package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Farewells to clients that make it hard: behind long messages, in TLS, to one that reads nothing, within a message.

// smallReads has little room in the client's kernel, so that the gateway has to hold what it does not take.
func (c *client) smallReads() {
	c.t.Helper()
	must(c.t, c.Conn.(*net.TCPConn).SetReadBuffer(128<<10))
}

// kill makes the operator end the only connection.
func (r *running) kill() {
	r.t.Helper()
	must(r.t, r.g.CloseID(context.Background(), r.onlyConnection().Connection.ID))
}

// TestAFarewellComesBehindLongMessages has messages go through a pipe that the client has not emptied when it is ended.
func TestAFarewellComesBehindLongMessages(t *testing.T) {
	const size = 1 << 16 // less than the smallest pipe has room for, so that it is read whole whatever the client's kernel takes of it
	message := "\x00\x01\x00\x00" + strings.Repeat("x", size)
	for _, row := range []struct{ name, goodbye, close string }{
		{"farewell", `farewell: {text: "bye"}`, "bye"},
		{"no farewell", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			next := make(chan struct{}, 2)
			stop := make(chan struct{})
			defer close(stop)
			g := start(t, speaks("{length_field: {size: 4}}", row.goodbye, ""), backend(t, func(c *client) {
				for {
					select {
					case <-next:
						_, _ = c.Write([]byte(message))
					case <-stop:
						return
					}
				}
			}))
			c := g.dial("r")
			c.smallReads()
			next <- struct{}{} // by which the gateway learns that messages are long
			c.receive(message)
			sent := uint64(1)
			for g.snapshot().BufferBytes == 0 { // the kernel's buffers take some
				next <- struct{}{}
				sent++
				eventually(t, "the message has been read from the backend", func() bool { return g.route("r").Messages[1] == sent })
			}
			all := make(chan string)
			go func() { // at once: it is reset two seconds after the end
				said, err := io.ReadAll(c)
				if err != nil {
					t.Error(err)
				}
				all <- string(said)
			}()
			g.kill()
			if said, want := <-all, strings.Repeat(message, int(sent)-1)+row.close; said != want {
				t.Errorf("received %d bytes, %.40q at the end; want %d", len(said), said[max(0, len(said)-40):], len(want))
			}
			g.expectEnd("r", "killed")
			eventually(t, "nothing is held any more", func() bool { return g.snapshot().BufferBytes == 0 })
		})
	}
}

// TestAClientThatReadsNothingIsLeftInTime has clients whose farewell waits behind what they do not take: after two seconds each of them
// is reset, since a FIN would say that they have got all, and nothing is kept.
func TestAClientThatReadsNothingIsLeftInTime(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	for _, row := range []struct {
		name, route string
		size        int
	}{
		{"plain", "", 100 << 10},
		{"through a pipe", "", 1 << 20},
		{"TLS", fmt.Sprintf("    tls: {cert: %s, key: %s}\n", server.cert, server.key), 1 << 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			message := strings.Repeat("x", row.size) + "\n"
			g := start(t, speaks("delimiter", `farewell: {text: "bye\n"}`, row.route), backend(t, func(c *client) {
				for {
					if _, err := c.Write([]byte(message)); err != nil {
						return
					}
				}
			}))
			var c *client
			if row.route == "" {
				c = g.dial("r")
				c.smallReads()
			} else {
				c, _ = g.dialTLS("r", a.trusting(t, nil))
			}
			var last uint64
			since := time.Now()
			eventually(t, "the gateway can send no more", func() bool {
				if now := g.route("r").Bytes[1]; now != last {
					last, since = now, time.Now()
				}
				return last > 0 && g.buffered() > 0 && time.Since(since) > 300*time.Millisecond
			})
			before := descriptors(t)
			g.kill()
			began := time.Now()
			g.expectEnd("r", "killed")
			eventually(t, "both sockets are closed", func() bool { return descriptors(t) < before && g.snapshot().BufferBytes == 0 })
			if took := time.Since(began); took < time.Second {
				t.Errorf("the client was left after %v, before it could take what waited for it", took)
			}
			c.receiveReset()
		})
	}
}

// TestALongMessageThatIsUnderWayIsNoPlaceForAFarewell has one half sent.
func TestALongMessageThatIsUnderWayIsNoPlaceForAFarewell(t *testing.T) {
	const half = 1 << 19
	g := start(t, speaks("{length_field: {size: 4}}", `farewell: {text: "bye"}`, ""), backend(t, func(c *client) {
		_, _ = c.Write([]byte("\x00\x10\x00\x00" + strings.Repeat("x", half)))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.receive("\x00\x10\x00\x00" + strings.Repeat("x", half))
	g.kill()
	c.receiveFIN()
	g.expectEnd("r", "killed")
}

// TestAFarewellEndsTheTLSOfAClientThatSendsOn makes it read what it was told although it never stops to send.
func TestAFarewellEndsTheTLSOfAClientThatSendsOn(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	g := start(t, speaks("delimiter", `farewell: {text: "bye\n"}`, fmt.Sprintf("    tls: {cert: %s, key: %s}\n", server.cert, server.key)),
		backend(t, func(c *client) { _, _ = io.Copy(io.Discard, c) }))
	c, _ := g.dialTLS("r", a.trusting(t, nil))
	done := make(chan error)
	go func() {
		for {
			if _, err := c.Write([]byte("more\n")); err != nil {
				done <- err
				return
			}
		}
	}()
	eventually(t, "it sends", func() bool { return g.route("r").Messages[0] > 0 })
	g.kill()
	c.receive("bye\n")
	c.receiveFIN() // with a close_notify
	c.Close()
	if err := <-done; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it could send until %v", err)
	}
	g.expectEnd("r", "killed")
}
