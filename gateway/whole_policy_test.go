package gateway_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// wholePolicy uses what there is for both edges, limits, health and timers on one route, as an operator would.
const wholePolicy = `
admin: {listen: 127.0.0.1:0, token_file: %[9]s, viewer_token_file: %[10]s, pprof: false}
log: {level: debug, format: json, connections: all}
gateway: {loops: 2, max_connections: 100, on_full: evict_idlest, buffer_memory: 256MiB, drain_timeout: 30s, edit_grace: 2s}
metrics: {histograms: both}
advise_file: %[11]s
policies:
  devices:
    long:
      idle_timeout: 90s
      message_timeout: 10s
      heartbeat: answer
      heartbeat_only_timeout: 12h
      probe: {after: 45s, timeout: 10s}
      max_lifetime: 24h
      jitter: 10%%
      farewell: {text: "bye"}
  one_shot:
    short: {deadline: 10s}
upstreams:
  device_servers:
    endpoints: ["%[1]s", {address: "%[2]s", weight: 2}, {address: "%[3]s", backup: true}]
    balance: least_connections
    connect_timeout: 10s
    retries: 2
    health: {every: 50ms, timeout: 10s, rise: 2, fall: 3, send: {hex: "00"}, expect: {hex: "01"}}
    slow_start: 1s
    eject: {failures: 3, for: 10s}
    max_connections: 10000
    source_addresses: [127.0.1.1, 127.0.1.2]
    proxy_protocol: v2
    tls: {server_name: devices.internal, ca: %[4]s, cert: %[5]s, key: %[6]s}
routes:
  - name: devices
    listen: 127.0.0.1:0
    match: {sni: ["*.devices.example"], source: [10.0.0.0/8]}
    tls: {cert: %[7]s, key: %[8]s, client_ca: %[4]s, alpn: [devices]}
    accept_proxy_protocol: {from: [127.9.0.0/16]}
    allow: [10.0.0.0/8]
    deny: [10.66.0.0/16]
    limits: {connections: 50, connections_per_source: 20, accepts_per_second: 500, messages_per_second: 100, bytes_per_second: 1MiB, min_rate: {bytes: 1KiB, over: 60s}, message_size: 1MiB}
    tcp: {keepalive: {idle: 60s, interval: 15s, count: 4}, user_timeout: 2m}
    protocol:
      length_field: {magic: {text: "Headers"}, offset: 7, size: 4, byte_order: big, adjustment: 0}
      heartbeat: {match: {text: "ping"}, answer: {text: "pong"}}
    upstream: device_servers
    connect_on: accept
    opaque: forward
    policy: devices
`

// proxiedTLS is a server that expects a PROXY header, then TLS, answers a health check, and returns everything else.
// heads gets the header of each connection that is no check.
func proxiedTLS(t *testing.T, config *tls.Config, heads chan<- *proxyproto.Header) string {
	t.Helper()
	return backend(t, func(c *client) {
		behind := proxyproto.NewConn(c.Conn)
		head := behind.ProxyHeader()
		secure := tls.Server(behind, config)
		c.Conn = secure
		if head == nil || secure.Handshake() != nil {
			return
		}
		if head.Command.IsLocal() {
			if b := make([]byte, 1); readFull(secure, b) && b[0] == 0 {
				_, _ = secure.Write([]byte{1})
			}
			return
		}
		heads <- head
		_, _ = io.Copy(secure, secure)
		_ = secure.Close() // with a close_notify
	})
}

func readFull(r io.Reader, b []byte) bool {
	_, err := io.ReadFull(r, b)
	return err == nil
}

// TestTheWholePolicyIsAccepted asks as idlegate check does.
func TestTheWholePolicyIsAccepted(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	later := time.Now().Add(90 * 24 * time.Hour)
	own, front := a.issueUntil(t, dir, "gateway", later), a.issueUntil(t, dir, "gate.devices.example", later)
	operator, viewer := filepath.Join(dir, "operator"), filepath.Join(dir, "viewer")
	write(t, operator, "one")
	write(t, viewer, "other")
	text := fmt.Sprintf(wholePolicy, "10.0.0.11:9000", "10.0.0.12:9000", "10.0.0.13:9000", a.file, own.cert, own.key, front.cert, front.key, operator, viewer,
		filepath.Join(dir, "advice"))
	cfg, err := policy.Parse("idlegate.yaml", []byte(text))
	must(t, err)
	problems, warnings := gateway.Check(gateway.CheckConfig{Policy: cfg})
	if len(problems)+len(warnings) > 0 {
		t.Errorf("problems %v, warnings %v", problems, warnings)
	}
}

// TestTheWholePolicyServes has everything in force at once: a client behind a proxy, with TLS and a certificate on both edges.
func TestTheWholePolicyServes(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	front, behind := a.issue(t, dir, "gate.devices.example"), a.issue(t, dir, "devices.internal")
	device, own := a.issue(t, dir, "device-7"), a.issue(t, dir, "gateway")
	right := &tls.Config{Certificates: []tls.Certificate{behind.pair(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.trusting(t, nil).RootCAs}
	foreignDir := t.TempDir()
	wrong := right.Clone()
	wrong.Certificates = []tls.Certificate{newAuthority(t, foreignDir).issue(t, foreignDir, "devices.internal").pair(t)}
	heads := make(chan *proxyproto.Header, 10)
	good, foreign, spare := proxiedTLS(t, right, heads), proxiedTLS(t, wrong, heads), proxiedTLS(t, right, heads)
	operator, viewer, advice := filepath.Join(dir, "operator"), filepath.Join(dir, "viewer"), filepath.Join(dir, "advice")
	write(t, operator, "operator's")
	write(t, viewer, "viewer's")
	r := startAdmin(t, fmt.Sprintf(wholePolicy, good, foreign, spare, a.file, own.cert, own.key, front.cert, front.key, operator, viewer, advice))

	eventually(t, "the endpoint with a foreign certificate is down, and why is said", func() bool {
		e := r.endpointOf("device_servers", foreign)
		return !e.Healthy && e.Check != nil && strings.Contains(e.Check.LastError, "TLS handshake: ") &&
			strings.Contains(e.Check.LastError, "unknown authority")
	})
	eventually(t, "those with the right certificate are up", func() bool {
		up := func(address string) bool {
			e := r.endpointOf("device_servers", address)
			return e.Healthy && e.Check != nil && e.Check.State == "up"
		}
		return up(good) && up(spare)
	})

	c := dialFrom(t, "127.9.0.1", r.g.Addresses("devices")[0])
	c.send("PROXY TCP4 10.1.2.3 198.51.100.1 4711 443\r\n")
	config := a.trusting(t, device)
	config.ServerName, config.NextProtos = "gate.devices.example", []string{"devices"}
	secure := tls.Client(c.Conn, config)
	must(t, secure.Handshake())
	c.Conn = secure
	c.echo("Headers\x00\x00\x00\x05hello")
	c.send("Headers\x00\x00\x00\x04ping")
	c.receive("Headers\x00\x00\x00\x04pong") // of the gateway's own
	if head := <-heads; head.SourceAddr.String() != "10.1.2.3:4711" {
		t.Errorf("the endpoint was told %v", head.SourceAddr)
	}

	open := r.list(api.Filter{})
	if len(open) != 1 || open[0].TLS == nil || open[0].UpstreamTLS == nil {
		t.Fatalf("%+v", open)
	}
	got := open[0]
	if got.Client != "10.1.2.3:4711" || !strings.HasPrefix(got.Proxy, "127.9.0.1:") || got.ServerName != "gate.devices.example" || got.Endpoint != good {
		t.Errorf("%+v", got)
	}
	if got.TLS.Version != "1.3" || got.TLS.ALPN != "devices" || got.TLS.Certificate != "CN=device-7" || got.UpstreamTLS.Certificate != "CN=devices.internal" {
		t.Errorf("with the client %+v, with the upstream %+v", got.TLS, got.UpstreamTLS)
	}
	if got.ClientMessages != 2 || got.ClientHeartbeats != 1 || got.UpstreamMessages != 1 {
		t.Errorf("%+v", got)
	}

	// Who is denied, or asks for another name, gets nothing.
	for client, name := range map[string]string{"10.66.0.1": "gate.devices.example", "10.1.2.4": "gate.example"} {
		no := dialFrom(t, "127.9.0.1", r.g.Addresses("devices")[0])
		no.send("PROXY TCP4 " + client + " 198.51.100.1 4711 443\r\n")
		config.ServerName = name
		if err := tls.Client(no.Conn, config).Handshake(); err == nil {
			t.Errorf("%s is served by the name %s", client, name)
		}
	}
	must(t, secure.CloseWrite())
	c.receiveFIN()
	if line := r.expectEnd("devices", "client_fin"); line.Client != "10.1.2.3:4711" {
		t.Errorf("%+v", line)
	}

	// The viewer looks and changes nothing; what is known for advice is there after the end.
	if looked, drained := get(t, http.DefaultClient, "http://"+r.g.AdminAddress()+"/api/v1/status", "viewer's"), post(t, "http://"+r.g.AdminAddress()+"/api/v1/drain", "viewer's"); looked != http.StatusOK || drained != http.StatusForbidden {
		t.Errorf("a viewer's look is answered with %d, its drain with %d", looked, drained)
	}
	r.over()
	if kept, err := os.ReadFile(advice); err != nil || !strings.HasPrefix(string(kept), "idlegate advice ") {
		t.Errorf("for advice is kept %.40q: %v", kept, err)
	}
}
