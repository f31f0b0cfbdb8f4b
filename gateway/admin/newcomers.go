package admin

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// newcomers are the connections that have brought no whole request yet.
type newcomers struct {
	mu    sync.Mutex
	since map[net.Conn]time.Time // Guarded by mu.
}

func (n *newcomers) add(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.since == nil {
		n.since = map[net.Conn]time.Time{}
	}
	n.since[c] = time.Now()
}

func (n *newcomers) remove(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.since, c)
}

// closeOld closes those that have been there for longer than patience.
func (n *newcomers) closeOld(patience time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c, since := range n.since {
		if time.Since(since) > patience {
			delete(n.since, c)
			plain(c).Close()
		}
	}
}

// plain is the connection below TLS, which closes without waiting for the peer.
func plain(c net.Conn) net.Conn {
	if secure, ok := c.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return c
}
