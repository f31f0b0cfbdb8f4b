// Package resp carries the benchmark's messages in RESP, as a client and a server of Redis would: what is written at once is one
// command with one argument, and what is read are the arguments.
//
//	| *1 CR LF | $ length CR LF | message ... | CR LF |
package resp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
)

// Overhead is by how much a message of 10 to 99 bytes is longer in RESP.
const Overhead = len("*1\r\n$00\r\n\r\n")

// Conn wraps a connection. Read and Write are each for one goroutine at a time.
type Conn struct {
	net.Conn
	in   *bufio.Reader
	left int // of the message under way that is being read
	out  []byte
}

// NewConn returns c speaking RESP.
func NewConn(c net.Conn) *Conn { return &Conn{Conn: c, in: bufio.NewReader(c)} }

// Write sends b as one command.
func (c *Conn) Write(b []byte) (int, error) {
	c.out = append(c.out[:0], "*1\r\n$"...)
	c.out = strconv.AppendInt(c.out, int64(len(b)), 10)
	c.out = append(append(append(c.out, '\r', '\n'), b...), '\r', '\n')
	if _, err := c.Conn.Write(c.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Read gives what has come of one argument. The error is that of the connection, or says what is no such command.
func (c *Conn) Read(b []byte) (int, error) {
	if c.left == 0 {
		if err := c.begin(); err != nil {
			return 0, err
		}
	}
	n, err := c.in.Read(b[:min(len(b), c.left)])
	if c.left -= n; c.left > 0 || err != nil {
		return n, err
	}
	return n, c.expect("\r\n")
}

// begin reads up to the argument. Before the first byte the end of the stream is io.EOF, after it io.ErrUnexpectedEOF.
func (c *Conn) begin() error {
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	if err := c.expect("*1\r\n$"); err != nil {
		return err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return fmt.Errorf("a length of %q", line)
	}
	if c.left, err = strconv.Atoi(string(line[:len(line)-2])); err != nil || c.left <= 0 {
		return fmt.Errorf("a length of %q", line)
	}
	return nil
}

func (c *Conn) expect(want string) error {
	for i := range len(want) {
		got, err := c.in.ReadByte()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if got != want[i] {
			return fmt.Errorf("%q where %q belongs", got, want[i])
		}
	}
	return nil
}

// listener wraps what it accepts.
type listener struct{ net.Listener }

// Listen has the connections of l speak RESP.
func Listen(l net.Listener) net.Listener { return listener{l} }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return NewConn(c), nil
}
