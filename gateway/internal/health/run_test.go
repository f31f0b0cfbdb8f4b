package health

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server answers each connection with serve.
func server(t *testing.T, serve func(net.Conn)) func(context.Context) (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); serve(conn) }()
		}
	}()
	return dialTo(l.Addr().String())
}

func dialTo(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
}

// answer waits for a request and sends what is to be sent, a part at a time.
func answer(request string, parts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := io.ReadFull(conn, make([]byte, len(request))); err != nil {
			return
		}
		for _, part := range parts {
			if _, err := io.WriteString(conn, part); err != nil {
				return
			}
			<-time.After(time.Millisecond) // so that it comes by itself, mostly
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

func silentUntilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestWhatAHealthCheckFindsOut(t *testing.T) {
	const patient, short = time.Minute, 2 * time.Second
	ping, pong := []byte("PING\r\n"), []byte("+PONG")
	for name, test := range map[string]struct {
		serve func(net.Conn)
		rule  Rule
		want  string // of the error; "": it passes
	}{
		"it connects":                          {silentUntilClosed, Rule{Timeout: patient}, ""},
		"the answer is whole":                  {answer("PING\r\n", "+PONG\r\n"), Rule{Timeout: patient, Send: ping, Expect: pong}, ""},
		"the answer comes in parts":            {answer("PING\r\n", "+", "PO", "NG\r\n"), Rule{Timeout: patient, Send: ping, Expect: pong}, ""},
		"the server speaks first":              {answer("", "220 ready\r\n"), Rule{Timeout: patient, Expect: []byte("220")}, ""},
		"another answer":                       {answer("PING\r\n", "-LOADING data"), Rule{Timeout: patient, Send: ping, Expect: pong}, `the answer begins with "-LOAD", not "+PONG"`},
		"another answer, shorter":              {answer("PING\r\n", "-"), Rule{Timeout: patient, Send: ping, Expect: pong}, `the answer begins with "-", not "+PONG"`},
		"another answer in bytes":              {answer("\x00", "\x02"), Rule{Timeout: patient, Send: []byte{0}, Expect: []byte{1}}, "the answer begins with hex 02, not hex 01"},
		"it is closed before the answer":       {func(c net.Conn) { _, _ = c.Read(make([]byte, 64)) }, Rule{Timeout: patient, Send: ping, Expect: pong}, "closed after 0 of the 5 bytes that are expected"},
		"frozen: it connects and says nothing": {silentUntilClosed, Rule{Timeout: short, Send: ping, Expect: pong}, "no answer within 2s"},
		"half an answer":                       {answer("PING\r\n", "+PO"), Rule{Timeout: short, Send: ping, Expect: pong}, "3 of the 5 bytes that are expected within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Run(t.Context(), Target{Rule: test.rule, Dial: server(t, test.serve)})
			if got := words(err); got != test.want {
				t.Errorf("it says %q, want %q", got, test.want)
			}
		})
	}
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAHealthCheckOfADeadPortNamesTheErrno(t *testing.T) {
	err := Run(t.Context(), Target{Rule: Rule{Timeout: time.Minute}, Dial: dialTo("127.0.0.1:1")})
	if !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != "connect: connection refused" {
		t.Errorf("it says %v", err)
	}
}

func TestAHealthCheckThatDoesNotConnectEndsInTime(t *testing.T) {
	hang := func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	err := Run(t.Context(), Target{Rule: Rule{Timeout: 50 * time.Millisecond}, Dial: hang})
	if words(err) != "not connected within 50ms" {
		t.Errorf("it says %v", err)
	}
}

func TestAHealthCheckEndsWithItsTarget(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan struct{})
	dial := server(t, func(c net.Conn) { close(accepted); silentUntilClosed(c) })
	go func() { <-accepted; cancel() }()
	if err := Run(ctx, Target{Rule: Rule{Timeout: time.Hour, Expect: []byte("x")}, Dial: dial}); err == nil {
		t.Error("it has passed")
	}
}

func TestQuotedBytesAreShort(t *testing.T) {
	if got := quote([]byte(strings.Repeat("x", 100))); len(got) > 40 {
		t.Errorf("quoted are %d bytes: %s", len(got), got)
	}
}
