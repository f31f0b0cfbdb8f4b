package gateway_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// wsFrames counts the HTTP of both, messages, whatever number of frames they have, and control frames: RFC 6455, section 5.2.
func wsFrames(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		_, b, _ = bytes.Cut(b, []byte("\r\n\r\n"))
		n.messages[from]++
		for len(b) > 0 {
			op, fin, size, at := b[0]&15, b[0]&0x80 != 0, int(b[1]&0x7f), 2
			switch size {
			case 126:
				size, at = int(binary.BigEndian.Uint16(b[2:])), 4
			case 127:
				size, at = int(binary.BigEndian.Uint64(b[2:])), 10
			}
			if b[1]&0x80 != 0 {
				at += 4
			}
			if fin {
				n.messages[from]++
			}
			if op == 9 || op == 10 {
				n.heartbeats[from]++
			}
			b = b[at+size:]
		}
	}
	return n
}

// runWebSocket serves echoes of messages, which come and go in frames of 1,000 bytes at most, and counts them.
func runWebSocket(t *testing.T, mode websocket.CompressionMode) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(rw, r, &websocket.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || wsWrite(r.Context(), c, kind, message) != nil {
				return
			}
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return l.Addr().String()
}

// wsWrite writes a message in several frames, if it is a longer one.
func wsWrite(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, message []byte) error {
	w, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	for len(message) > 1000 {
		if _, err := w.Write(message[:1000]); err != nil {
			return err
		}
		message = message[1000:]
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

func TestWebSocketThroughTheGateway(t *testing.T) {
	for name, mode := range map[string]websocket.CompressionMode{
		"plain": websocket.CompressionDisabled, "compressed": websocket.CompressionContextTakeover, "compressed, no takeover": websocket.CompressionNoContextTakeover,
	} {
		t.Run(name, func(t *testing.T) {
			w, g := tapped(t, "websocket", runWebSocket(t, mode), "")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			exchange := func(ctx context.Context, messages ...string) {
				c := dialWebSocket(ctx, t, g, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
				c.SetReadLimit(-1)
				for i, want := range messages {
					kind := []websocket.MessageType{websocket.MessageText, websocket.MessageBinary}[i%2]
					must(t, wsWrite(ctx, c, kind, []byte(want)))
					got, message, err := c.Read(ctx)
					if err != nil || got != kind || string(message) != want {
						t.Fatalf("%v of %d bytes, %v; want %d", got, len(message), err, len(want))
					}
				}
				ctx = c.CloseRead(ctx) // which reads on, for the pong
				must(t, c.Ping(ctx))
				must(t, c.Close(websocket.StatusNormalClosure, "bye"))
			}
			exchange(ctx, "", "a", strings.Repeat("ab", 200), strings.Repeat("abc", 500))
			exchange(ctx, strings.Repeat("0123456789", 10_000), strings.Repeat("x", 1<<20))
			n := w.agrees(t, g, wsFrames)
			if n.messages != [2]uint64{6 + 6, 6 + 6} || n.heartbeats != [2]uint64{2, 2} { // requests, closes and pings beside
				t.Errorf("%v", n)
			}
			w.capture(t, "websocket_"+strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "_"), "github.com/coder/websocket, both ends, fragments, "+name, wsFrames, func(said [2][]byte) bool { return len(said[0]) < 10_000 })
		})
	}
}

// dialWebSocket connects a client, which is closed at the end.
func dialWebSocket(ctx context.Context, t *testing.T, g *running, options *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(ctx, "ws://"+g.address()+"/path", options) //nolint:bodyclose // the body is the connection, as Dial says
	must(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}
