package tlsio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Socket is what a Conn reads and writes while a call of the loop is under way.
type Socket interface {
	// Recv reads what lies there. n = 0 with EAGAIN: nothing does; with 0: the stream ends by a FIN; with another: by that error.
	Recv(p []byte) (n int, errno syscall.Errno)
	// Send takes all of p, which is not kept.
	Send(p []byte)
}

// again is what a read answers that finds nothing.
var again error = syscall.EAGAIN

// wire is the net.Conn that crypto/tls reads and writes.
type wire struct {
	shake  *Handshake // nil once it is over
	early  []byte     // came with the handshake and belongs behind it
	socket Socket     // of the call under way
	dry    bool       // the socket had no more in the call under way
	cut    bool       // the stream has ended without close_notify
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.shake != nil {
		return w.shake.read(p)
	}
	if len(w.early) > 0 {
		n := copy(p, w.early)
		if w.early = w.early[n:]; len(w.early) == 0 {
			w.early = nil
		}
		return n, nil
	}
	if w.dry {
		return 0, again
	}
	p = p[:fitting(len(p))]
	n, errno := w.socket.Recv(p)
	switch {
	case n > 0:
		w.dry = n < len(p)
		return n, nil
	case errno == syscall.EAGAIN:
		w.dry = true
		return 0, again
	case errno == 0:
		w.cut = true
		return 0, io.EOF
	}
	w.cut = true
	return 0, errno
}

// fitting is how much to read into room bytes of crypto/tls' buffer. It makes that larger by half and more when less than
// bytes.MinRead are left behind what was read, though the record be whole: a connection that has had a large record would keep
// 36 KiB instead of 18.
func fitting(room int) int {
	if room >= 2*bytes.MinRead {
		return room - bytes.MinRead
	}
	return room
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if w.shake != nil {
		return w.shake.write(p)
	}
	w.socket.Send(p)
	return len(p), nil
}

// errNotHere is what the rest of net.Conn answers: the loop closes sockets, and has timers of its own.
var errNotHere = errors.New("the loop owns the socket")

// Close implements net.Conn.
func (w *wire) Close() error { return errNotHere }

// LocalAddr implements net.Conn.
func (w *wire) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn.
func (w *wire) RemoteAddr() net.Addr { return nil }

// SetDeadline implements net.Conn.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
