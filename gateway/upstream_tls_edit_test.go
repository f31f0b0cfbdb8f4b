package gateway_test

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// deaf is a server that answers no SYN.
func deaf(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, address = listening(t, 0)
	dial(t, address) // who fills its queue: with a backlog of 0 that has one place
	for full := false; !full; {
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if full = err != nil; !full {
			t.Cleanup(func() { c.Close() })
		}
	}
	return fd, address
}

// slowToAccept is a server that answers no SYN before the returned function is called, and speaks TLS or not.
func slowToAccept(t *testing.T, config *tls.Config) (address string, accept func()) {
	t.Helper()
	fd, address := deaf(t)
	return address, func() {
		file := os.NewFile(uintptr(fd), "listener") // which owns fd from now on
		l, err := net.FileListener(file)
		must(t, err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if config != nil {
					conn = tls.Server(conn, config)
				}
				go func() { _, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}); conn.Close() }()
			}
		}()
		t.Cleanup(func() { l.Close(); _ = file.Close(); <-ended })
	}
}

// awaitConnecting waits until the only connection is being connected.
func (r *running) awaitConnecting() {
	r.t.Helper()
	eventually(r.t, "the connect is under way", func() bool {
		all := r.list(api.Filter{})
		return len(all) == 1 && all[0].State == api.Connecting
	})
}

// TestAConnectUnderWaySpeaksAsItBegan makes an edit take TLS away, or add it, while the endpoint has not answered yet: what was to be
// encrypted must not go in clear.
func TestAConnectUnderWaySpeaksAsItBegan(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := &tls.Config{Certificates: []tls.Certificate{a.issue(t, dir, "server").pair(t)}}
	spoken := ", tls: {ca: " + a.file + "}"
	for name, test := range map[string]struct {
		server        *tls.Config
		before, after string
	}{
		"TLS is taken away": {server, spoken, ""},
		"TLS is added":      {nil, "", spoken},
	} {
		t.Run(name, func(t *testing.T) {
			const yaml = `
upstreams: {echo: {endpoints: ["%s"], connect_timeout: 20s%s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: echo, policy: {long: {}}}]`
			to, accept := slowToAccept(t, test.server)
			r := start(t, yaml, to, test.before)
			c := r.dial("r")
			r.awaitConnecting()
			r.edit(yaml, to, test.after)
			accept()
			c.echo("secret")
			if all := r.list(api.Filter{}); len(all) != 1 || (all[0].UpstreamTLS != nil) != (test.server != nil) {
				t.Errorf("%+v", all)
			}
		})
	}
}
