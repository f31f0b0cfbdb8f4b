package gateway_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"

	"idlegate/gateway/admin/api"
)

// toldBy is what a backend was told of a client.
type toldBy struct {
	*proxyproto.Header
	tlvs map[proxyproto.PP2Type]string
}

// headerReader is a backend that expects a PROXY header, reports it, and returns everything behind it.
func headerReader(t *testing.T) (address string, headers chan toldBy) {
	t.Helper()
	headers = make(chan toldBy, 10)
	return backend(t, func(c *client) {
		r := bufio.NewReader(c.Conn)
		h, err := proxyproto.Read(r)
		if err != nil {
			t.Errorf("no header: %v", err)
			return
		}
		got := toldBy{h, map[proxyproto.PP2Type]string{}}
		all, err := h.TLVs()
		if err != nil {
			t.Errorf("what comes along: %v", err)
		}
		for _, tlv := range all {
			got.tlvs[tlv.Type] = string(tlv.Value)
		}
		headers <- got
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			_, _ = c.Write(buf[:n])
		}
	}), headers
}

func TestABackendIsToldWhereAClientComesFrom(t *testing.T) {
	for version, key := range map[byte]string{1: "v1", 2: "v2"} {
		for _, connectOn := range []string{"accept", "first_message"} {
			t.Run(key+" on "+connectOn, func(t *testing.T) {
				address, headers := headerReader(t)
				g := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: {delimiter: {text: "\n"}}, upstream: u, connect_on: %s, policy: {long: {}}}]`, address, key, connectOn)
				c := g.dial("r")
				c.echo("hello\n")
				h := <-headers
				if h.Version != version || h.SourceAddr.String() != c.LocalAddr().String() || h.DestinationAddr.String() != c.RemoteAddr().String() {
					t.Errorf("version %d, %v to %v", h.Version, h.SourceAddr, h.DestinationAddr)
				}
				c.finish()
				c.receiveFIN()
				line := g.ended("r", 1)
				if version == 2 && h.tlvs[proxyproto.PP2_TYPE_UNIQUE_ID] != strconv.FormatUint(line.ID, 10) {
					t.Errorf("the id is %q, not %d", h.tlvs[proxyproto.PP2_TYPE_UNIQUE_ID], line.ID)
				}
				if line.ClientBytes != 6 {
					t.Errorf("%d bytes count as the client's", line.ClientBytes)
				}
			})
		}
	}
}

// TestWhatAProxyHasToldIsPassedOn puts the gateway between two who speak PROXY, with a server name by the way.
func TestWhatAProxyHasToldIsPassedOn(t *testing.T) {
	backend, headers := headerReader(t)
	address := sharedAddress(t)
	g := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: v2}}
routes: [{name: r, listen: "%s", accept_proxy_protocol: {from: [127.7.0.0/16]}, match: {sni: ["*"]}, protocol: raw, upstream: u, policy: {long: {}}}]`, backend, address)
	c := dialFrom(t, "127.7.0.1", address)
	c.send("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")
	go func() {
		_ = tls.Client(c.Conn, &tls.Config{ServerName: "a.example", NextProtos: []string{"mqtt"}, InsecureSkipVerify: true}).HandshakeContext(t.Context())
	}()
	h := <-headers
	if h.SourceAddr.String() != "192.0.2.7:4711" || h.DestinationAddr.String() != "198.51.100.1:443" {
		t.Errorf("%v to %v", h.SourceAddr, h.DestinationAddr)
	}
	if h.tlvs[proxyproto.PP2_TYPE_AUTHORITY] != "a.example" || h.tlvs[proxyproto.PP2_TYPE_ALPN] != "mqtt" {
		t.Errorf("%q", h.tlvs)
	}
	eventually(t, "API and log show it", func() bool {
		all := g.list(api.Filter{Client: "192.0.2.0/24"})
		return len(all) == 1 && all[0].ServerName == "a.example" && all[0].Proxy == c.LocalAddr().String() && all[0].Client == "192.0.2.7:4711"
	})
	c.Close()
	g.ended("r", 1)
	if text := g.log.String(); !strings.Contains(text, `"server_name":"a.example"`) || !strings.Contains(text, `"proxy":"127.7.0.1:`) {
		t.Errorf("the log does not say it:\n%s", text)
	}
}

func TestHealthChecksSpeakForNoClient(t *testing.T) {
	for version, key := range map[byte]string{1: "v1", 2: "v2"} {
		t.Run(key, func(t *testing.T) {
			address, headers := headerReader(t)
			r := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s, health: {every: 100ms, timeout: 5s, rise: 1, send: {text: "ping"}, expect: {text: "ping"}}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, address, key)
			if h := <-headers; h.Version != version || !h.Command.IsLocal() && h.TransportProtocol != proxyproto.UNSPEC {
				t.Errorf("it is %+v", h.Header)
			}
			eventually(t, "the endpoint is up", func() bool { e := r.endpointOf("u", address); return e.Check != nil && e.Check.State == "up" })
		})
	}
}

// TestABackendIsToldOfItsClientsTLS has each client show a certificate, at once or in a session before.
func TestABackendIsToldOfItsClientsTLS(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, device := a.issue(t, dir, "gate.example"), a.issue(t, dir, "device-7")
	const yaml = `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: {delimiter: {text: "\n"}}, upstream: u, connect_on: %s, tls: {cert: %s, key: %s, client_ca: %s, alpn: [devices]}, policy: {long: {}}}]`
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, connectOn := range []string{"accept", "first_message"} {
			t.Run(tls.VersionName(version)+", on "+connectOn, func(t *testing.T) {
				backend, headers := headerReader(t)
				g := start(t, yaml, backend, "v2", connectOn, server.cert, server.key, a.file)
				config := a.trusting(t, device)
				config.ServerName, config.NextProtos, config.MaxVersion = "gate.example", []string{"devices"}, version
				config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
				for n, shown := range []string{"now", "in an earlier connection"} {
					c, conn := g.dialTLS("r", config)
					c.echo("hello\n") // the ticket of TLS 1.3 comes along
					expectToldTLS(t, <-headers, conn, shown == "now")
					c.Close()
					line := g.ended("r", n+1)
					if line.Certificate != "CN=device-7" || line.ServerName != "gate.example" {
						t.Errorf("the log has %+v", line)
					}
				}
			})
		}
	}
	t.Run("switched on between handshake and first message", func(t *testing.T) {
		backend, headers := headerReader(t)
		g := start(t, yaml, backend, "none", "first_message", server.cert, server.key, a.file)
		config := a.trusting(t, device)
		config.ServerName, config.NextProtos = "gate.example", []string{"devices"}
		c, conn := g.dialTLS("r", config)
		eventually(t, "the handshake is over", func() bool { return len(g.list(api.Filter{})) == 1 && g.list(api.Filter{})[0].TLS != nil })
		g.edit(yaml, backend, "v2", "first_message", server.cert, server.key, a.file)
		c.echo("hello\n")
		expectToldTLS(t, <-headers, conn, true)
	})
}

// expectToldTLS demands that a header says of the TLS that the gateway ends what the client knows of it.
func expectToldTLS(t *testing.T, h toldBy, client *tls.Conn, shownNow bool) {
	t.Helper()
	if h.tlvs[proxyproto.PP2_TYPE_AUTHORITY] != "gate.example" || h.tlvs[proxyproto.PP2_TYPE_ALPN] != "devices" || h.tlvs[proxyproto.PP2_TYPE_UNIQUE_ID] == "" {
		t.Errorf("the header has %q", h.tlvs)
	}
	all, err := h.TLVs()
	must(t, err)
	told, ok := tlvparse.FindSSL(all)
	if !ok {
		t.Fatal("the header says nothing of TLS")
	}
	agreed := client.ConnectionState()
	version, _ := told.SSLVersion()
	cipher, _ := told.SSLCipher()
	name, _ := told.ClientCN()
	if "TLS "+strings.TrimPrefix(version, "TLSv") != tls.VersionName(agreed.Version) || cipher != tls.CipherSuiteName(agreed.CipherSuite) || name != "device-7" {
		t.Errorf("it says %q, %q, %q", version, cipher, name)
	}
	if !told.ClientSSL() || !told.Verified() || !told.ClientCertSess() || told.ClientCertConn() != shownNow || agreed.DidResume == shownNow {
		t.Errorf("of the certificate it says %+v; the session is resumed: %v", told, agreed.DidResume)
	}
}

// TestAnEditOfProxyProtocolActsOnNewConnections keeps one open that has none.
func TestAnEditOfProxyProtocolActsOnNewConnections(t *testing.T) {
	const yaml = `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`
	at := backend(t, echoes)
	g := start(t, yaml, at, "none")
	before := g.dial("r")
	before.echo("hello")
	g.edit(yaml, at, "v1")
	before.echo("again")
	after := g.dial("r")
	after.send("hello")
	after.receive("PROXY TCP4 127.0.0.1 127.0.0.1 " + onlyPort(after.LocalAddr()) + " " + onlyPort(after.RemoteAddr()) + "\r\nhello")
}

func onlyPort(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}
