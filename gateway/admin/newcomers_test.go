package admin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// memoryListener accepts the ends of pipes.
type memoryListener struct {
	waiting chan net.Conn
	closed  chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9180} }

func (l *memoryListener) dial() net.Conn {
	mine, its := net.Pipe()
	l.waiting <- its
	return mine
}

func TestHalfRequestsMakeRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time is virtual
		const flood = 10 * maxConnections
		l := &memoryListener{waiting: make(chan net.Conn, flood+1), closed: make(chan struct{})}
		s := New(Config{Listener: l, Gateway: &fakeGateway{}, Operated: fakeFleet(), Logger: slog.New(slog.DiscardHandler)})
		served := make(chan struct{})
		go func() { defer close(served); s.Serve() }()
		for range flood {
			conn := l.dial()
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: ") }()
		}
		probe, begun := l.dial(), time.Now()
		go func() { fmt.Fprint(probe, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") }()
		response, err := http.ReadResponse(bufio.NewReader(probe), nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		probe.Close()
		if waited := time.Since(begun); response.StatusCode != http.StatusOK || waited > flood/maxConnections*(newcomerPatience+2*fullEvery) {
			t.Errorf("status %d after %v", response.StatusCode, waited)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
}
