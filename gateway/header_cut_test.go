package gateway_test

import (
	"io"
	"net"
	"testing"

	"github.com/pires/go-proxyproto"
)

// TestAHeaderThatIsCutAndFollowedByAHello tries each place to cut at, in both versions: what is left of the header is never taken for
// one, nor the ClientHello for the client's, and nobody is connected to.
func TestAHeaderThatIsCutAndFollowedByAHello(t *testing.T) {
	dir := t.TempDir()
	server := newAuthority(t, dir).issue(t, dir, "gate.example")
	dialled := make(chan struct{}, 1)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", accept_proxy_protocol: {from: [127.7.0.0/16]}, protocol: raw, upstream: u, tls: {cert: %s, key: %s}, policy: {long: {}}}]`,
		backend(t, func(*client) { dialled <- struct{}{} }), server.cert, server.key)
	binary, err := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 8), Port: 443}).Format()
	must(t, err)
	hello := string(recordedHello(t, "gate.example"))
	const text = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
	for _, header := range []string{text, string(binary)} {
		for cut := range len(header) {
			c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
			_, _ = io.WriteString(c, header[:cut]+hello) // it may be reset by now
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c) // an alert, where the hello's beginning has made the header of version 2 whole
			c.Close()
		}
	}
	eventually(t, "each has been answered", func() bool {
		figures := g.route("r")
		bad, failed := figures.Refused["bad_proxy_header"], figures.Closed["tls_handshake_failed"]
		return bad >= uint64(len(text)) && bad+failed == uint64(len(text)+len(binary))
	})
	select {
	case <-dialled:
		t.Error("the backend was connected to")
	default:
	}
}
