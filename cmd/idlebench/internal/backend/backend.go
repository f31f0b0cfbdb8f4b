// Package backend is the service behind the proxies: it checks every message and sends it back.
//
// One goroutine a connection, one read, one write for all whole messages of that read. It answers nothing that is not
// whole and right: on the first fault the connection is reset, which the load generator cannot miss.
package backend

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"idlegate/cmd/idlebench/internal/message"
)

// firstBuffer is enough for 16 messages of 64 bytes four times over; a longer message grows its connection's buffer.
const firstBuffer = 4 << 10

// Serve accepts from l until that is closed.
func Serve(l net.Listener, log *slog.Logger) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			if err := echo(c); err != nil {
				log.Error("connection given up", "error", err)
				reset(c)
			}
			c.Close()
		}()
	}
}

// reset has the coming Close send RST.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // where the peer has gone, there is nobody to tell
	}
}

// echo returns the fault that it met. A peer that goes between messages, or resets, is none.
func echo(c net.Conn) error {
	var in message.Reader
	buf := make([]byte, firstBuffer)
	held := 0 // bytes of a message that is not whole yet, at the start of buf
	for {
		n, err := c.Read(buf[held:])
		held += n
		if errors.Is(err, io.EOF) && held > 0 {
			return fmt.Errorf("ended %d bytes into a message", held)
		}
		if err != nil {
			return nil
		}
		whole, err := wholeMessages(&in, buf[:held])
		if err != nil {
			return err
		}
		if _, err := c.Write(buf[:whole]); err != nil {
			return nil
		}
		held = copy(buf, buf[whole:held])
		if held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// wholeMessages returns how many bytes of b are whole messages, all of them checked.
func wholeMessages(in *message.Reader, b []byte) (int, error) {
	at := 0
	for {
		n, err := in.Next(b[at:])
		if n == 0 || err != nil {
			return at, err
		}
		at += n
	}
}
