package admin

import (
	"net"
	"sync"
	"time"
)

// boundedListener accepts while fewer than its bound of connections are open; others wait in the backlog.
//
// golang.org/x/net/netutil has such a listener, but its connections have no CloseWrite, without which net/http resets a connection
// whose request it did not read whole, and the answer with it.
type boundedListener struct {
	net.Listener
	full   func()        // called every fullEvery while somebody waits for a place
	places chan struct{} // holds one for each open connection
	closed chan struct{}
	once   sync.Once
}

// fullEvery is how often a listener that is full asks for room.
const fullEvery = 100 * time.Millisecond

func newBoundedListener(l net.Listener, most int, full func()) *boundedListener {
	return &boundedListener{Listener: l, full: full, places: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	if err := l.takePlace(); err != nil {
		return nil, err
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// takePlace waits for a place, and returns net.ErrClosed where the listener is closed meanwhile.
func (l *boundedListener) takePlace() error {
	select {
	case l.places <- struct{}{}:
		return nil
	default:
	}
	every := time.NewTicker(fullEvery)
	defer every.Stop()
	for {
		select {
		case l.places <- struct{}{}:
			return nil
		case <-l.closed:
			return net.ErrClosed
		case <-every.C:
			l.full()
		}
	}
}

// Close implements net.Listener.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite sends a FIN, as of TCP and unix sockets.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
