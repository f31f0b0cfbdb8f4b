package tlsio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
)

// Conn is one side of a connection that speaks TLS, after its handshake. It is used by one loop.
type Conn struct {
	tls  *tls.Conn
	wire wire
}

// What ends a stream.
var (
	// ErrCut is what errors wrap that are about a stream which ended otherwise than by close_notify: it may lack bytes.
	ErrCut = errors.New("the stream was cut")
	// ErrAlert is what errors wrap that are about a peer which has ended it by an alert.
	ErrAlert = errors.New("the peer sent an alert")
)

// Read reads what the peer has sent, as much as lies there and b has room for. more says that there may be more, though the
// socket shows nothing. n = 0 with a nil error: there is nothing now. The error comes only with n = 0 and stays: io.EOF after
// close_notify, one that wraps ErrCut or ErrAlert, or what is wrong with a record; then an alert has been sent.
func (c *Conn) Read(s Socket, b []byte) (n int, more bool, err error) {
	c.wire.socket, c.wire.dry = s, false
	for n < len(b) {
		got, err := c.tls.Read(b[n:])
		n += got
		switch {
		case err == nil:
			continue
		case errors.Is(err, again):
			c.wire.socket = nil
			return n, false, nil
		case n > 0:
			c.wire.socket = nil
			return n, true, nil // it is read again, and is then the only thing to tell
		}
		c.wire.socket = nil
		return 0, false, c.ended(err)
	}
	c.wire.socket = nil
	return n, true, nil
}

// ended says what an error of crypto/tls means.
func (c *Conn) ended(err error) error {
	var remote *net.OpError
	switch {
	case c.wire.cut:
		return fmt.Errorf("%w: %w", ErrCut, err)
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &remote) && remote.Op == "remote error":
		return fmt.Errorf("%w: %w", ErrAlert, remote.Err)
	}
	return err
}

// Write encrypts b and sends it. The error is that the side takes nothing any more: it was closed for writing, or an alert was
// sent.
func (c *Conn) Write(s Socket, b []byte) error {
	c.wire.socket = s
	_, err := c.tls.Write(b)
	c.wire.socket = nil
	return err
}

// CloseWrite says that nothing more will be written, by close_notify.
func (c *Conn) CloseWrite(s Socket) {
	c.wire.socket = s
	_ = c.tls.CloseWrite() // an alert that was sent before has said more
	c.wire.socket = nil
}
