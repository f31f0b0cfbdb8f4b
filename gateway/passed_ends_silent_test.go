package gateway_test

import (
	"net"
	"testing"
)

// TestAnUnixUpstreamThatReadsNoMoreIsGone makes an upstream close its reading half, which only a unix socket shows while the
// upstream may still send, and say nothing for ever: its client must hear what it had said, and then that it is gone.
func TestAnUnixUpstreamThatReadsNoMoreIsGone(t *testing.T) {
	deaf := make(chan struct{})
	at := backendAt(t, "unix", t.TempDir()+"/backend", func(c *client) {
		if err := c.Conn.(*net.UnixConn).CloseRead(); err != nil {
			t.Error(err)
		}
		c.send("last words")
		close(deaf)
		<-t.Context().Done()
	})
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, at)
	c := g.dial("r")
	<-deaf
	c.receive("last words")
	c.send("anybody?")
	g.expectEnd("r", "upstream_reset")
}
