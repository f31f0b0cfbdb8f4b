package lab

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Backend sends back what it gets, line by line. It can be killed and come back at the same address.
type Backend struct {
	Address string // set once, then read only
	t       testing.TB
	serve   func(net.Conn)

	// Guarded by mu.
	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
}

// StartBackend starts a backend that sends back whole lines.
func StartBackend(t testing.TB) *Backend {
	t.Helper()
	return startBackend(t, func(conn net.Conn) {
		for lines := bufio.NewReader(conn); ; {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				return // however it ended, the connection is done with
			}
			if _, err := conn.Write(line); err != nil {
				return
			}
		}
	})
}

// StartGreeter starts a backend that says a line to each client and closes the connection.
func StartGreeter(t testing.TB) *Backend {
	t.Helper()
	return startBackend(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "hello\n") // who has left meanwhile misses nothing
	})
}

// StartFlood starts a backend that sends to each client without end.
func StartFlood(t testing.TB) *Backend {
	t.Helper()
	return startBackend(t, func(conn net.Conn) {
		for block := make([]byte, 64<<10); ; {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	})
}

func startBackend(t testing.TB, serve func(net.Conn)) *Backend {
	t.Helper()
	b := &Backend{Address: lastingAddress(t), t: t, serve: serve}
	b.Start()
	t.Cleanup(b.Kill)
	return b
}

// lastingAddress is one that the kernel gives nobody else while the backend is killed: it lies below the ports that Linux gives out.
func lastingAddress(t testing.TB) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

// Start has the backend listen, at the address that it had before if it was killed.
func (b *Backend) Start() {
	b.t.Helper()
	l, err := net.Listen("tcp", b.Address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Address, b.listener, b.conns = l.Addr().String(), l, map[net.Conn]struct{}{}
	go b.accept(l)
}

// Kill ends the backend as a crash would: its connections are reset, and new ones are refused.
func (b *Backend) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener.Close()
	for conn := range b.conns {
		_ = conn.(*net.TCPConn).SetLinger(0) // it is closed at once
		conn.Close()
	}
	b.conns = nil
}

func (b *Backend) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // killed
		}
		go func() {
			defer conn.Close()
			if !b.keep(conn) {
				return
			}
			b.serve(conn)
			b.forget(conn)
		}()
	}
}

func (b *Backend) keep(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns == nil {
		return false
	}
	b.conns[conn] = struct{}{}
	return true
}

func (b *Backend) forget(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, conn)
}
