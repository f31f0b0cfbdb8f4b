package gateway_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoClientIsLostWhoseListenerIsEdited lets clients arrive through a proxy, one part of their PROXY header and ClientHello after the
// other, while one route, two or three share their listener.
func TestNoClientIsLostWhoseListenerIsEdited(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	to := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}, echoes)
	port := sharedAddress(t)
	ways := make([]string, 0, 3)
	for _, more := range []string{
		"",
		fmt.Sprintf("  - {name: b, listen: %q, match: {sni: [b.example]}, accept_proxy_protocol: {from: [127.0.0.0/8]}, protocol: raw, upstream: u, policy: p}\n", port),
		fmt.Sprintf("  - {name: b, listen: %q, match: {sni: [b.example], source: [10.0.0.0/8]}, accept_proxy_protocol: {from: [127.0.0.0/8]}, protocol: raw, upstream: u, policy: p}\n"+
			"  - {name: c, listen: %q, match: {source: [10.1.0.0/16]}, accept_proxy_protocol: {from: [127.0.0.0/8]}, protocol: raw, upstream: u, policy: p}\n", port, port),
	} {
		ways = append(ways, fmt.Sprintf(`
gateway: {loops: 2, drain_timeout: 10m}
policies: {p: {long: {}}}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: a, listen: %q, accept_proxy_protocol: {from: [127.0.0.0/8]}, protocol: raw, upstream: u, policy: p}
%s`, to, port, more))
	}
	r, write := startFile(t, ways[0])
	var over atomic.Bool
	var served atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := i; !over.Load(); n++ {
				if err := arriveInParts(port, n, a.trusting(t, nil)); err != nil {
					t.Errorf("client %d: %v", n, err)
					return
				}
				served.Add(1)
			}
		})
	}
	for i := 1; i < 60 || served.Load() < 150; i++ {
		write(ways[i%len(ways)])
		if done, err := r.g.Reload(context.Background()); err != nil || !done.OK {
			t.Errorf("reload %d: %+v, %v", i, done, err)
			break
		}
		if t.Failed() {
			break
		}
	}
	over.Store(true)
	wg.Wait()
	t.Logf("%d clients were served", served.Load())
}

// arriveInParts is one client: it comes through a proxy, names the server that it wants, and has a message back.
func arriveInParts(address string, n int, config *tls.Config) error {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	header := fmt.Sprintf("PROXY TCP4 10.%d.0.1 10.9.9.9 1000 2000\r\n", n%3)
	for _, part := range []string{header[:5+n%20], header[5+n%20:]} {
		if _, err := conn.Write([]byte(part)); err != nil {
			return err
		}
	}
	config.ServerName = []string{"a.example", "b.example"}[n%2]
	config.InsecureSkipVerify = true // the certificate is for the address
	over := tls.Client(inParts{conn}, config)
	if _, err := over.Write([]byte("hello")); err != nil {
		return err
	}
	got := make([]byte, 5)
	if _, err := over.Read(got); err != nil || string(got) != "hello" {
		return fmt.Errorf("received %q: %w", got, cmp.Or(err, errors.New("something else was sent")))
	}
	return nil
}

// inParts writes in parts.
type inParts struct{ net.Conn }

func (c inParts) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var wrote int
		wrote, err = c.Conn.Write(b[n:min(len(b), n+100)])
		n += wrote
	}
	return n, err
}
