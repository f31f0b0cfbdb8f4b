package gateway_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
)

// pgMessage is a message of PostgreSQL's protocol.
func pgMessage(kind string, body string) string {
	return kind + string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))) + body
}

// pgError reads what a PostgreSQL server says when it ends a connection, and returns its code.
func pgError(c *client) string {
	c.t.Helper()
	said, err := io.ReadAll(c)
	if err != nil || len(said) < 5 || said[0] != 'E' || int(binary.BigEndian.Uint32(said[1:]))+1 != len(said) {
		c.t.Fatalf("received %.80q, %v; want one ErrorResponse and the end", said, err)
	}
	for _, field := range strings.Split(string(said[5:]), "\x00") {
		if code, ok := strings.CutPrefix(field, "C"); ok {
			return code
		}
	}
	c.t.Fatalf("no code in %q", said)
	return ""
}

// pgServer lets a client in, and reports each Query by a ReadyForQuery with what status gives for it.
func pgServer(startup string, status func(query string) string) func(*client) {
	return func(c *client) {
		c.receive(startup)
		_, _ = c.Write([]byte(pgMessage("R", "\x00\x00\x00\x00") + pgMessage("Z", "I")))
		head := make([]byte, 5)
		for {
			if _, err := io.ReadFull(c, head); err != nil {
				return
			}
			body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
			if _, err := io.ReadFull(c, body); err != nil {
				return
			}
			_, _ = c.Write([]byte(pgMessage("C", "DONE\x00") + pgMessage("Z", status(string(body[:len(body)-1])))))
		}
	}
}

func TestPostgresClientsAreToldWhyTheyEnd(t *testing.T) {
	const startup = "\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00"
	server := pgServer(startup, func(query string) string { return map[string]string{"begin": "T", "rollback": "I"}[query] })
	address := backend(t, server)
	enter := func(g *running) *client {
		c := g.dial("r")
		c.send(startup)
		c.receive(pgMessage("R", "\x00\x00\x00\x00") + pgMessage("Z", "I"))
		return c
	}
	query := func(c *client, text, status string) {
		c.send(pgMessage("Q", text+"\x00"))
		c.receive(pgMessage("C", "DONE\x00") + pgMessage("Z", status))
	}
	t.Run("idle", func(t *testing.T) {
		g := start(t, speaks("postgres", "idle_timeout: 1s, farewell: protocol", ""), address)
		if code := pgError(enter(g)); code != "57P05" {
			t.Errorf("it was told %s", code)
		}
		g.expectEnd("r", "idle_timeout")
	})
	t.Run("idle in a transaction", func(t *testing.T) {
		g := start(t, speaks("postgres", "idle_in_transaction_timeout: 1s, farewell: protocol", ""), address)
		c := enter(g)
		query(c, "begin", "T")
		query(c, "rollback", "I")
		if timer := timerOf(t, g.onlyConnection(), "idle_in_transaction_timeout"); timer.Standing != "waiting" {
			t.Errorf("outside of a transaction it is %s", timer.Standing)
		}
		query(c, "begin", "T")
		if code := pgError(c); code != "25P03" {
			t.Errorf("it was told %s", code)
		}
		g.expectEnd("r", "idle_in_transaction")
	})
	t.Run("by the operator", func(t *testing.T) {
		g := start(t, speaks("postgres", "farewell: protocol", ""), address)
		c := enter(g)
		if err := g.g.CloseID(context.Background(), g.onlyConnection().Connection.ID); err != nil {
			t.Fatal(err)
		}
		if code := pgError(c); code != "57P01" {
			t.Errorf("it was told %s", code)
		}
		g.expectEnd("r", "killed")
	})
	t.Run("while it drains", func(t *testing.T) {
		g := start(t, "gateway: {drain_timeout: 200ms}\n"+speaks("postgres", "farewell: protocol", ""), address)
		c := enter(g)
		g.stop()
		if code := pgError(c); code != "57P01" {
			t.Errorf("it was told %s", code)
		}
	})
}

// TestAFarewellArrives has a client that sends on, which would be answered by a reset that destroys it.
func TestAFarewellArrives(t *testing.T) {
	for _, framing := range []string{"delimiter", "raw"} {
		t.Run(framing, func(t *testing.T) {
			g := start(t, speaks(framing, `max_lifetime: 300ms, farewell: {text: "bye\n"}`, ""), backend(t, func(c *client) { _, _ = io.Copy(io.Discard, c) }))
			c := g.dial("r")
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					if _, err := c.Write([]byte("more\n")); err != nil {
						return
					}
				}
			}()
			c.receive("bye\n")
			c.receiveFIN()
			c.Close()
			<-done
			g.expectEnd("r", "max_lifetime")
		})
	}
}

func TestNoFarewellWithinAMessage(t *testing.T) {
	g := start(t, speaks("delimiter", `farewell: {text: "bye\n"}`, ""), backend(t, func(c *client) {
		_, _ = c.Write([]byte("hal"))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.receive("hal")
	g.kill()
	c.receiveFIN()
	g.expectEnd("r", "killed")
}

func TestAnMQTT5ClientIsToldThatTheServerShutsDown(t *testing.T) {
	for version, goodbye := range map[byte]string{4: "", 5: "\xe0\x02\x8b\x00"} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			ack := "\x20\x02\x00\x00"
			if version == 5 {
				ack = "\x20\x03\x00\x00\x00"
			}
			connect := mqttConnect(version, 60)
			g := start(t, "gateway: {drain_timeout: 100ms}\n"+speaks("mqtt", "farewell: protocol", ""), backend(t, func(c *client) {
				c.receive(connect)
				_, _ = c.Write([]byte(ack))
				_, _ = io.Copy(io.Discard, c)
			}))
			c := g.dial("r")
			c.send(connect)
			c.receive(ack)
			g.stop()
			c.receive(goodbye)
			c.receiveFIN()
		})
	}
}

func TestAStreamThatTurnsOpaqueGoesOnOrEnds(t *testing.T) {
	const ask = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	for opaque, ends := range map[string]bool{"forward": false, "close": true} {
		t.Run(opaque, func(t *testing.T) {
			g := start(t, speaks("postgres", "", "    opaque: "+opaque+"\n"), backend(t, func(c *client) {
				c.receive(ask)
				_, _ = c.Write([]byte("S"))
				echoes(c)
			}))
			c := g.dial("r")
			c.send(ask)
			c.receive("S")
			if !ends {
				c.echo("\x16\x03\x01 and so on")
				c.Close()
				g.expectEnd("r", "client_fin")
				return
			}
			c.receiveFIN()
			if line := g.expectEnd("r", "protocol_error"); !strings.Contains(line.Rule, "opaque: close") || line.From != "upstream" || line.Offset != 1 {
				t.Errorf("the log says %+v", line)
			}
		})
	}
}
