package tlsio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Handshake is one that is under way.
type Handshake struct {
	// Set once, then read only.
	pool   *Pool
	conn   *Conn
	notify func()
	worked chan struct{} // has an item when there is something new for the goroutine

	mu    sync.Mutex
	in    []byte // delivered, not read yet. Guarded by mu.
	out   []byte // written, not taken yet. Guarded by mu.
	wants bool   // it waits for more of what the peer sends. Guarded by mu.
	over  error  // why nothing more will come; nil: it may. Guarded by mu.
	done  bool   // Guarded by mu.
	err   error  // of one that is done. Guarded by mu.

	// Guarded by the pool's mu.
	older, newer *Handshake
	listed       bool
}

// ErrEvicted is what a Handshake fails with that made room for others.
var ErrEvicted = errors.New("too many handshakes are under way")

// State is what a Handshake has for the loop.
type State struct {
	Out   []byte // to be sent; the loop's own
	Wants bool   // it waits for Deliver
	Done  bool
	Err   error // of one that is done
}

// Take returns what there is for the loop, each byte once.
func (h *Handshake) Take() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := State{Out: h.out, Wants: h.wants, Done: h.done, Err: h.err}
	h.out = nil
	return s
}

// Deliver hands over what the peer has sent, of which a copy is kept.
func (h *Handshake) Deliver(b []byte) {
	h.mu.Lock()
	h.in, h.wants = append(h.in, b...), false
	h.mu.Unlock()
	h.wake()
}

// End says that nothing more will come from the peer, or that nobody waits for the handshake any more. The goroutine ends with err
// if it needs more, and not otherwise.
func (h *Handshake) End(err error) {
	h.mu.Lock()
	if h.over == nil {
		h.over = err
	}
	h.mu.Unlock()
	h.wake()
}

func (h *Handshake) wake() {
	select {
	case h.worked <- struct{}{}:
	default:
	}
}

// Conn returns the connection of a handshake that is done without an error.
func (h *Handshake) Conn() *Conn {
	c := h.conn
	if c.wire.shake != nil {
		c.wire.shake, c.wire.early = nil, h.in
		h.in = nil
	}
	return c
}

// read is a read of crypto/tls, in the goroutine. While it waits others compute.
func (h *Handshake) read(p []byte) (int, error) {
	for waited := false; ; waited = true {
		h.mu.Lock()
		if len(h.in) > 0 {
			n := copy(p, h.in)
			h.in = h.in[n:]
			h.mu.Unlock()
			if waited {
				return n, h.pool.begin(h)
			}
			return n, nil
		}
		if h.over != nil {
			err := h.over
			h.mu.Unlock()
			if waited { // crypto/tls may have an alert to send
				h.pool.beginAnyway()
			}
			return 0, err
		}
		first := !h.wants
		h.wants = true
		h.mu.Unlock()
		if !waited {
			h.pool.pause()
		}
		if first {
			h.notify()
		}
		<-h.worked
	}
}

// write is a write of crypto/tls, in the goroutine. The loop takes it when the goroutine waits or is done.
func (h *Handshake) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out = append(h.out, p...)
	return len(p), nil
}

// run is what the goroutine does for a handshake.
func (h *Handshake) run() {
	err := h.pool.begin(h)
	if err == nil {
		err = h.make()
		h.pool.pause()
	}
	h.pool.forget(h)
	h.mu.Lock()
	h.done, h.err, h.wants = true, err, false
	h.mu.Unlock()
	h.notify()
}

// make makes the handshake. A panic is one connection's and not the gateway's.
func (h *Handshake) make() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	err = h.conn.tls.HandshakeContext(context.Background())
	if err != nil && errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF // the peer has gone, be it within a record
	}
	return err
}

func newHandshake(p *Pool, hello []byte, notify func(), over func(*wire) *tls.Conn) *Handshake {
	h := &Handshake{pool: p, notify: notify, worked: make(chan struct{}, 1), conn: &Conn{}}
	h.in = append(h.in, hello...)
	h.conn.wire.shake = h
	h.conn.tls = over(&h.conn.wire)
	return h
}
