package demo

import (
	"net"
	"sync"
)

// echo is a backend that sends back every message, once it is whole. One that sent back single bytes would have a message
// to the client under way all the time, for which idle_timeout waits.
type echo struct {
	// Set once, then read only.
	listener net.Listener
	done     sync.WaitGroup

	// Guarded by mu.
	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

func startEcho() (*echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &echo{listener: l, conns: map[net.Conn]struct{}{}}
	e.done.Go(e.accept)
	return e, nil
}

func (e *echo) address() string { return e.listener.Addr().String() }

func (e *echo) accept() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return // closed
		}
		e.done.Go(func() { e.serve(conn) })
	}
}

func (e *echo) serve(conn net.Conn) {
	defer conn.Close()
	if !e.keep(conn) {
		return
	}
	defer e.forget(conn)
	for {
		body, err := readFrame(conn)
		if err != nil {
			return // however it ended, the connection is done with
		}
		if _, err := conn.Write(frame(body)); err != nil {
			return
		}
	}
}

func (e *echo) forget(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, conn)
}

func (e *echo) keep(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conns == nil {
		return false
	}
	e.conns[conn] = struct{}{}
	return true
}

// close ends the backend and every connection to it.
func (e *echo) close() {
	e.listener.Close()
	e.mu.Lock()
	conns := e.conns
	e.conns = nil
	for conn := range conns {
		conn.Close()
	}
	e.mu.Unlock()
	e.done.Wait()
}
