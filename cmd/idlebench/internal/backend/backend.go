// Package backend is the service behind the proxies: it checks every message and answers as the message says.
//
// One goroutine a connection; one write for all that a read has brought, unless replies of several kinds mix. A message
// that comes in several reads is sent back in as many pieces, so that a long one need not be held. On the first fault
// the connection is reset, which the load generator cannot miss.
package backend

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"idlegate/cmd/idlebench/internal/message"
)

const (
	// firstBuffer is enough for 16 messages of 64 bytes four times over.
	firstBuffer = 4 << 10
	// bulkBuffer is for connections on which more comes at a time.
	bulkBuffer = 256 << 10
)

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
			if err := serve(c); err != nil {
				log.Error("connection given up", "error", err)
				reset(c)
			}
			c.Close()
		}()
	}
}

// reset makes the coming Close send RST.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // where the peer has gone, there is nobody to tell
	}
}

// serve returns the fault that it met. A peer that goes between messages, or resets, is none.
func serve(c net.Conn) error {
	s := service{to: c, receipt: message.Writer{Size: message.MinBytes, Reply: message.Silence}}
	buf := make([]byte, firstBuffer)
	held := 0 // bytes at the start of buf, too few for a message to be told by them
	for {
		n, err := c.Read(buf[held:])
		held += n
		if errors.Is(err, io.EOF) && (held > 0 || s.in.Mid()) {
			return errors.New("ended within a message")
		}
		if err != nil {
			return nil
		}
		full := held == len(buf)
		taken, err := s.take(buf[:held])
		if errors.As(err, new(*net.OpError)) {
			return nil // nobody is there to be answered
		}
		if err != nil {
			return err
		}
		held = copy(buf, buf[taken:held])
		if full && len(buf) < bulkBuffer {
			buf = append(buf[:held], make([]byte, bulkBuffer-held)...)
		}
	}
}

// service is the conversation on one connection.
type service struct {
	to      io.Writer
	in      message.Reader
	receipt message.Writer
}

// take answers what is in b, and returns how much of it that was.
func (s *service) take(b []byte) (taken int, err error) {
	echoed := 0 // as far as b has been sent back, or need not be
	for {
		n, whole, err := s.in.Next(b[taken:])
		if err != nil {
			return taken, err
		}
		if n == 0 {
			return taken, s.send(b[echoed:taken])
		}
		taken += n
		if reply := s.in.Reply(); reply == message.Echo || reply == message.Beat {
			continue
		}
		if err := s.send(b[echoed : taken-n]); err != nil {
			return taken, err
		}
		echoed = taken
		if whole && s.in.Reply() == message.Receipt {
			if err := s.acknowledge(); err != nil {
				return taken, err
			}
		}
	}
}

func (s *service) acknowledge() error {
	s.receipt.Connection = s.in.Connection()
	return s.send(s.receipt.Append(nil))
}

func (s *service) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.to.Write(b)
	return err
}
