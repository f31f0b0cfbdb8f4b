// Package relay is a plain TCP proxy with two goroutines a connection, as one writes it in Go: the measure of what the
// event loops are for.
//
// It is the best of its kind: a goroutine takes a buffer from a pool only once there is something to read, which needs
// a quarter of the memory of a buffer each.
package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Config says between what to relay.
type Config struct {
	Listener net.Listener
	Backend  string        // host:port
	Idle     time.Duration // after which a connection is closed on which nothing comes from either side
	Flaw     Flaw
}

// Flaw is what a relay does wrong once on each connection, to show that the benchmark sees it. Bytes are counted from 1.
type Flaw struct {
	Bend     int64 // the byte of which a bit is bent; 0: none
	Lose     int64 // the byte that is lost; 0: none
	Requests bool  // it is one of the client's, not of the backend's
}

const (
	bufferBytes    = 16 << 10
	connectTimeout = 5 * time.Second
)

// Serve relays until the listener is closed.
func Serve(cfg Config) error {
	pool := &sync.Pool{New: func() any { return new([bufferBytes]byte) }}
	for {
		c, err := cfg.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go connect(cfg, c.(*net.TCPConn), pool)
	}
}

// connect opens the other side, then passes bytes both ways until both have ended.
func connect(cfg Config, client *net.TCPConn, pool *sync.Pool) {
	defer client.Close()
	c, err := net.DialTimeout("tcp", cfg.Backend, connectTimeout)
	if err != nil {
		return
	}
	upstream := c.(*net.TCPConn)
	defer upstream.Close()
	request := &direction{from: client, to: upstream, idle: cfg.Idle, pool: pool}
	answer := &direction{from: upstream, to: client, idle: cfg.Idle, pool: pool}
	if cfg.Flaw.Requests {
		request.flaw = cfg.Flaw
	} else {
		answer.flaw = cfg.Flaw
	}
	request.alive()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		answer.run()
	}()
	request.run()
	<-answered
}

// direction passes bytes one way.
type direction struct {
	from, to *net.TCPConn
	idle     time.Duration
	pool     *sync.Pool
	flaw     Flaw  // counted from the first byte
	passed   int64 // bytes
}

// run passes bytes until from ends or either side fails, then says so to the other.
func (d *direction) run() {
	raw, err := d.from.SyscallConn()
	for err == nil {
		err = d.pass(raw)
	}
	if errors.Is(err, io.EOF) {
		_ = d.to.CloseWrite() // a side that has gone needs no FIN
		return
	}
	d.from.Close()
	d.to.Close()
}

// pass waits for bytes, without a buffer, and hands them on.
func (d *direction) pass(raw syscall.RawConn) error {
	var buf *[bufferBytes]byte
	var n int
	var failure error
	err := raw.Read(func(fd uintptr) bool {
		buf = d.pool.Get().(*[bufferBytes]byte)
		n, failure = syscall.Read(int(fd), buf[:])
		if failure == syscall.EAGAIN || failure == syscall.EINTR {
			d.pool.Put(buf)
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	defer d.pool.Put(buf)
	switch {
	case failure != nil:
		return failure
	case n == 0:
		return io.EOF
	}
	d.alive()
	_, err = d.to.Write(d.spoil(buf[:n]))
	return err
}

// alive restarts the idle timeout of the connection, which has ended where that fails.
func (d *direction) alive() {
	due := time.Now().Add(d.idle)
	_ = d.from.SetReadDeadline(due)
	_ = d.to.SetReadDeadline(due)
}

// spoil does to b what the flaw says.
func (d *direction) spoil(b []byte) []byte {
	before := d.passed
	d.passed += int64(len(b))
	if at := d.flaw.Bend - before - 1; at >= 0 && at < int64(len(b)) {
		b[at] ^= 0x10
	}
	if at := d.flaw.Lose - before - 1; at >= 0 && at < int64(len(b)) {
		b = append(b[:at], b[at+1:]...)
	}
	return b
}
