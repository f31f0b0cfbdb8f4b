package gateway_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// sharedAddress returns an address at which several routes can listen: port 0 is each route's own. It lies apart from the others that
// are given out on this machine.
func sharedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.9.9.9:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// greeter is a backend that says its name and then returns everything.
func greeter(t *testing.T, name string) string {
	t.Helper()
	return backend(t, func(c *client) {
		c.send(name + "\n")
		echoes(c)
	})
}

// tlsGreeter is a greeter behind TLS, with a certificate for the names.
func tlsGreeter(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	certs := newAuthority(t, dir).issue(t, dir, name)
	pair, err := tls.LoadX509KeyPair(certs.cert, certs.key)
	must(t, err)
	return backend(t, func(c *client) {
		server := tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{pair}})
		_, _ = fmt.Fprintln(server, name)
		_, _ = io.Copy(struct{ io.Writer }{server}, struct{ io.Reader }{server})
	})
}

// bySNI is a policy of two routes for server names and one for all others, at one address.
func bySNI(t *testing.T) (yaml, address string) {
	t.Helper()
	address = sharedAddress(t)
	return fmt.Sprintf(`
upstreams:
  one: {endpoints: ["%s"]}
  wild: {endpoints: ["%s"]}
  plain: {endpoints: ["%s"]}
routes:
  - {name: one, listen: "%[4]s", match: {sni: [one.example]}, protocol: raw, upstream: one, policy: {long: {}}}
  - {name: wild, listen: "%[4]s", match: {sni: ["*.example"]}, protocol: raw, upstream: wild, policy: {long: {}}}
  - {name: plain, listen: "%[4]s", protocol: raw, upstream: plain, policy: {long: {}}}`,
		tlsGreeter(t, "one.example"), tlsGreeter(t, "wild.example"), greeter(t, "plain"), address), address
}

// helloFor asks a listener over TLS for a name, and returns who answers.
func helloFor(t *testing.T, address, name string) string {
	t.Helper()
	conn := tls.Client(dial(t, address).Conn, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	must(t, err)
	conn.Close()
	return strings.TrimSpace(string(answer[:n]))
}

func TestTheServerNameChoosesTheRoute(t *testing.T) {
	yaml, address := bySNI(t)
	g := start(t, "%s", yaml)
	for name, want := range map[string]string{"one.example": "one.example", "ONE.example": "one.example", "a.b.example": "wild.example"} {
		if got := helloFor(t, address, name); got != want {
			t.Errorf("%s is answered by %q, not %q", name, got, want)
		}
	}
	plain := dial(t, address)
	plain.send("no hello\n")
	plain.receive("plain\nno hello\n")
	if opened := g.route("wild").Opened; opened != 1 {
		t.Errorf("wild has opened %d connections", opened)
	}
}

// TestAHelloThatTricklesCostsNoReads sends it a byte at a time, and wants it to arrive all the same.
func TestAHelloThatTricklesIsFollowed(t *testing.T) {
	yaml, address := bySNI(t)
	start(t, "%s", yaml)
	conn := dial(t, address)
	_ = conn.Conn.(*net.TCPConn).SetNoDelay(true)
	client := tls.Client(trickling{conn.Conn}, &tls.Config{ServerName: "one.example", InsecureSkipVerify: true})
	answer := make([]byte, 12)
	_, err := io.ReadFull(client, answer)
	must(t, err)
	if string(answer) != "one.example\n" {
		t.Errorf("answered by %q", answer)
	}
}

// trickling sends each byte by itself.
type trickling struct{ net.Conn }

func (c trickling) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func TestWhoMatchesNoRouteIsRefused(t *testing.T) {
	address := sharedAddress(t)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: named, listen: "%[2]s", match: {sni: [one.example]}, protocol: raw, upstream: u, policy: {long: {}}}
  - {name: near, listen: "%[2]s", match: {source: [192.0.2.0/24]}, protocol: raw, upstream: u, policy: {long: {}}}`, backend(t, echoes), address)
	c := dial(t, address)
	c.send("no hello")
	c.receiveReset()
	other := dial(t, address)
	_ = tls.Client(other.Conn, &tls.Config{ServerName: "two.example", InsecureSkipVerify: true}).HandshakeContext(t.Context())
	eventually(t, "both are counted", func() bool { return g.snapshot().Unrouted["no_route"] == 2 })
	gone := dial(t, address) // who leaves without a word is no fault
	gone.Close()
	if status, err := g.g.Status(t.Context()); err != nil || status.Refused["no_route"] != 2 {
		t.Errorf("the API says %v, %v", status.Refused, err)
	}
}

func TestTheSourceChoosesTheRoute(t *testing.T) {
	address := sharedAddress(t)
	start(t, `
upstreams: {near: {endpoints: ["%s"]}, far: {endpoints: ["%s"]}}
routes:
  - {name: near, listen: "%[3]s", match: {source: [127.5.0.0/16]}, protocol: raw, upstream: near, policy: {long: {}}}
  - {name: far, listen: "%[3]s", protocol: raw, upstream: far, policy: {long: {}}}`, greeter(t, "near"), greeter(t, "far"), address)
	for source, want := range map[string]string{"127.5.0.1": "near\n", "127.6.0.1": "far\n"} {
		dialFrom(t, source, address).receive(want)
	}
}

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, source, address string) *client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	conn, err := d.DialContext(t.Context(), "tcp", address)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{t: t, Conn: conn}
}

// proxied is a policy whose route has headers from 127.7.0.0/16, and takes clients of 192.0.2.0/24 and what those add who trust.
func proxied(t *testing.T, more string) *running {
	t.Helper()
	return start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", accept_proxy_protocol: {from: [127.7.0.0/16]}, allow: [192.0.2.0/24, 127.0.0.1, "2001:db8::/32"]%s, protocol: raw, upstream: u, policy: {long: {}}}`,
		backend(t, echoes), more)
}

func TestAProxySaysWhereItsClientComesFrom(t *testing.T) {
	g := proxied(t, "")
	binary, err := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 9}, &net.TCPAddr{IP: net.ParseIP("2001:db8::8"), Port: 1}).Format()
	must(t, err)
	for n, test := range []struct{ header, client string }{
		{"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n", "192.0.2.7:4711"},
		{string(binary), "[2001:db8::7]:9"},
	} {
		c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
		c.send(test.header + "hello") // what follows the header is the client's
		c.receive("hello")
		c.finish()
		c.receiveFIN()
		if line := g.ended("r", n+1); line.Client != test.client || line.ClientBytes != 5 {
			t.Errorf("%+v", line)
		}
	}
}

func TestAHeaderThatTricklesIsFollowed(t *testing.T) {
	g := proxied(t, "")
	c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
	_, err := trickling{c.Conn}.Write([]byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\nhello"))
	must(t, err)
	c.receive("hello")
}

// TestASpoofedHeaderIsPayload makes a client who is not trusted send one: it is passed on as what it is, and believed in nothing.
func TestASpoofedHeaderIsPayload(t *testing.T) {
	g := proxied(t, "")
	const header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
	c := g.dial("r")
	c.echo(header)
	c.finish()
	c.receiveFIN()
	if line := g.ended("r", 1); line.Client != c.LocalAddr().String() || line.ClientBytes != uint64(len(header)) {
		t.Errorf("%+v", line)
	}
	refusedFrom(t, "127.8.0.1", g.g.Addresses("r")[0]) // its own address is not allowed, the one in the header would be
	eventually(t, "it is refused as denied", func() bool { return g.route("r").Refused["denied"] == 1 })
}

func TestAccessGoesByTheAddressInTheHeader(t *testing.T) {
	g := proxied(t, "")
	c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
	c.send("PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\nhello")
	c.receiveReset()
	eventually(t, "it is refused as denied", func() bool { return g.route("r").Refused["denied"] == 1 })
}

func TestABadHeaderIsRefused(t *testing.T) {
	g := proxied(t, "")
	c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
	c.send("GET / HTTP/1.1\r\n\r\n")
	c.receiveReset()
	cut := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
	cut.send("PROXY TCP4 192.0.2.7")
	cut.finish()
	cut.receiveReset()
	eventually(t, "both are counted", func() bool { return g.route("r").Refused["bad_proxy_header"] == 2 })
}

func TestAHeaderIsAwaitedForFiveSeconds(t *testing.T) {
	g := proxied(t, "")
	began := time.Now()
	c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
	c.send("PROXY TCP4 ")
	c.receiveReset()
	if waited := time.Since(began); waited < 5*time.Second {
		t.Errorf("it is given up after %v", waited)
	}
	if n := g.route("r").Refused["bad_proxy_header"]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// TestHealthChecksOfProxiesAreServedAndNotCounted makes them come from an address that the route does not allow.
func TestHealthChecksOfProxiesAreServedAndNotCounted(t *testing.T) {
	g := proxied(t, ", limits: {connections: 1}")
	var checks []*client
	for range 3 {
		c := dialFrom(t, "127.7.0.1", g.g.Addresses("r")[0])
		header, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}).Format()
		must(t, err)
		c.send(string(header))
		c.echo("are you there?")
		checks = append(checks, c)
	}
	client := g.dial("r")
	client.echo("me too")
	if figures := g.route("r"); figures.Opened != 1 || figures.Connections != 1 {
		t.Errorf("%d opened, %d open", figures.Opened, figures.Connections)
	}
	for _, c := range checks {
		c.finish()
		c.receiveFIN()
	}
	if lines := g.log.ended(); len(lines) > 0 {
		t.Errorf("they are logged: %+v", lines)
	}
}

// TestSlowArrivalsLeaveRoom makes a thousand clients begin a ClientHello and not go on, where there are places for 200.
func TestSlowArrivalsLeaveRoom(t *testing.T) {
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < 4096 {
		t.Skip("too few descriptors")
	}
	yaml, address := bySNI(t)
	g := start(t, "gateway: {max_connections: 200}\n%s", yaml)
	for range 1000 {
		dial(t, address).send("\x16\x03\x01\x02\x00")
	}
	if got := helloFor(t, address, "one.example"); got != "one.example" {
		t.Errorf("answered by %q", got)
	}
	figures := g.snapshot()
	if n := figures.Unrouted["over_capacity"]; n < 900 || figures.AcceptPaused {
		t.Errorf("%d had to make room; accepting is paused: %t", n, figures.AcceptPaused)
	}
}

func TestAnEndlessHelloIsRefused(t *testing.T) {
	address := sharedAddress(t)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: named, listen: "%s", match: {sni: [one.example]}, protocol: raw, upstream: u, policy: {long: {}}}`, backend(t, echoes), address)
	c := dial(t, address)
	record := "\x16\x03\x01\x00\x64" + strings.Repeat("a", 100)
	c.send("\x16\x03\x01\x00\x04\x01\x00\x3f\x00")
	for range 200 { // 20 KB
		if _, err := c.Write([]byte(record)); err != nil {
			break
		}
	}
	c.receiveReset()
	if n := g.snapshot().Unrouted["no_route"]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// TestAHelloIsAwaitedAsLongAsAHandshake makes a client send a part of one, to routes of which the more patient waits for 300 ms.
func TestAHelloIsAwaitedAsLongAsAHandshake(t *testing.T) {
	address := sharedAddress(t)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: named, listen: "%[2]s", match: {sni: [one.example]}, protocol: raw, upstream: u, policy: {long: {tls_handshake_timeout: 100ms}}}
  - {name: rest, listen: "%[2]s", protocol: raw, upstream: u, policy: {long: {tls_handshake_timeout: 300ms}}}`, backend(t, echoes), address)
	began := time.Now()
	c := dial(t, address)
	c.send("\x16\x03\x01\x02\x00")
	c.receiveReset()
	if waited := time.Since(began); waited < 300*time.Millisecond {
		t.Errorf("it is given up after %v", waited)
	}
	if n := g.snapshot().Unrouted["no_route"]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// TestAnEditIsFollowedByThoseWhoArrive makes a client send the beginning of its hello before an edit and the rest after it.
func TestAnEditIsFollowedByThoseWhoArrive(t *testing.T) {
	yaml, address := bySNI(t)
	g := start(t, "%s", yaml)
	var sent []byte
	_ = tls.Client(recorder{&sent}, &tls.Config{ServerName: "one.example"}).HandshakeContext(t.Context())
	c := dial(t, address)
	c.send(string(sent[:50]))
	helloFor(t, address, "a.example") // who came before has been accepted then
	g.edit("%s", strings.Replace(yaml, "sni: [one.example]", "sni: [other.example]", 1))
	c.send(string(sent[50:]))
	eventually(t, "it takes the route of the new policy", func() bool { return g.route("wild").Opened == 2 })
	if n := g.route("one").Opened; n != 0 {
		t.Errorf("%d have taken that of the old one", n)
	}
	waiting := dial(t, address) // and one for whom nothing has to be known any more
	helloFor(t, address, "a.example")
	g.edit("%s", strings.ReplaceAll(yaml, "sni:", "source: [192.0.2.0/24], sni:"))
	waiting.receive("plain\n")
}

// recorder is a connection that keeps what is written to it.
type recorder struct{ sent *[]byte }

func (r recorder) Write(b []byte) (int, error)      { *r.sent = append(*r.sent, b...); return len(b), nil }
func (r recorder) Read([]byte) (int, error)         { return 0, errors.New("nothing to read") }
func (r recorder) Close() error                     { return nil }
func (r recorder) LocalAddr() net.Addr              { return nil }
func (r recorder) RemoteAddr() net.Addr             { return nil }
func (r recorder) SetDeadline(time.Time) error      { return nil }
func (r recorder) SetReadDeadline(time.Time) error  { return nil }
func (r recorder) SetWriteDeadline(time.Time) error { return nil }
