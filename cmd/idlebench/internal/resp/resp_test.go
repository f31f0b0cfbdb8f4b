package resp

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// pair is a connection that speaks RESP, and its bare other end.
func pair(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return NewConn(a), b
}

func TestAMessageIsACommandWithOneArgument(t *testing.T) {
	c, bare := pair(t)
	go func() { _, _ = c.Write([]byte("hello, redis")) }()
	want := "*1\r\n$12\r\nhello, redis\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(bare, got); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if Overhead != len(want)-len("hello, redis") {
		t.Errorf("the overhead is %d", Overhead)
	}
}

func TestArgumentsAreReadWhereverReadsCutThem(t *testing.T) {
	const stream = "*1\r\n$3\r\nabc\r\n*1\r\n$10\r\n0123456789\r\n"
	for size := 1; size <= 11; size++ {
		c, bare := pair(t)
		go func() {
			for i := range len(stream) {
				_, _ = bare.Write([]byte(stream[i : i+1]))
			}
			bare.Close()
		}()
		var got bytes.Buffer
		if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{c}, make([]byte, size)); err != nil || got.String() != "abc0123456789" {
			t.Errorf("in pieces of %d: %q, %v", size, &got, err)
		}
	}
}

func TestWhatIsNoSuchCommandIsRefused(t *testing.T) {
	for _, stream := range []string{"+OK\r\n", "*1\r\n$x\r\n", "*1\r\n$0\r\n\r\n", "*1\r\n$3\r\nabcd\r\n", "*1\r\n$3\n", "*1\r\n$3\r\nab", "*1"} {
		c, bare := pair(t)
		go func() { _, _ = bare.Write([]byte(stream)); bare.Close() }()
		got, err := io.ReadAll(c)
		if err == nil && !strings.HasPrefix(stream, "*1\r\n$3\r\nab") {
			t.Errorf("%q gives %q", stream, got)
		}
	}
}
