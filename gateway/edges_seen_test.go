package gateway_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

// What an operator sees of both edges, over HTTP as scrapers and the page do.

// fetch reads what the admin server answers.
func (r *running) fetch(path string) string {
	r.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Do(newRequest(r.t, "http://"+r.g.AdminAddress()+path))
	must(r.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s, %v: %s", path, response.Status, err, text)
	}
	return string(text)
}

func fetched[T any](r *running, path string) (answer T) {
	r.t.Helper()
	must(r.t, json.Unmarshal([]byte(r.fetch(path)), &answer))
	return answer
}

func TestBothEdgesAreSeen(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	front, behind, device := a.issue(t, dir, "gate.example"), a.issue(t, dir, "devices.internal"), a.issue(t, dir, "device-7")
	good := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{behind.pair(t)}}, echoes)
	dead := freeAddress(t)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], health: {every: 50ms, timeout: 5s, rise: 1, fall: 1}, tls: {server_name: devices.internal, ca: %[3]s}}}
routes:
  - name: r
    listen: "127.0.0.1:0"
    match: {sni: ["*.example"]}
    accept_proxy_protocol: {from: [127.7.0.0/16]}
    tls: {cert: %[4]s, key: %[5]s, client_ca: %[3]s, alpn: [devices]}
    limits: {connections: 10, connections_per_source: 2, accepts_per_second: 100, bytes_per_second: 1MiB}
    protocol: raw
    upstream: u
    policy: {long: {}}`, good, dead, a.file, front.cert, front.key)
	eventually(t, "the dead endpoint is down", func() bool { return !r.endpointOf("u", dead).Healthy })
	visit := func(source, name string) *client {
		c := dialFrom(t, "127.7.0.1", r.g.Addresses("r")[0])
		c.send("PROXY TCP4 " + source + " 198.51.100.1 4711 443\r\n")
		config := a.trusting(t, device)
		config.ServerName, config.NextProtos = name, []string{"devices"}
		c.Conn = tls.Client(c.Conn, config)
		return c
	}
	for range 2 {
		visit("192.0.2.7", "gate.example").echo("hello")
	}
	if _, err := visit("192.0.2.7", "gate.example").Write([]byte("one too many")); err == nil {
		t.Error("a source has more connections than it may")
	}
	if _, err := visit("192.0.2.8", "elsewhere.test").Write([]byte("hello")); err == nil {
		t.Error("a client is served that asks for another name")
	}

	rows := fetched[api.Connections](r, "/api/v1/connections").Connections
	if len(rows) != 2 {
		t.Fatalf("%+v", rows)
	}
	for _, row := range rows {
		if row.Client != "192.0.2.7:4711" || !strings.HasPrefix(row.Proxy, "127.7.0.1:") || row.ServerName != "gate.example" || row.TLS == nil || row.UpstreamTLS == nil {
			t.Fatalf("%+v", row)
		}
		if row.TLS.Version != "1.3" || row.TLS.Cipher == "" || row.TLS.ServerName != "gate.example" || row.TLS.ALPN != "devices" || row.TLS.Certificate != "CN=device-7" {
			t.Errorf("with the client: %+v", row.TLS)
		}
		if row.UpstreamTLS.Version != "1.3" || row.UpstreamTLS.ServerName != "devices.internal" || row.UpstreamTLS.Certificate != "CN=devices.internal" {
			t.Errorf("with the upstream: %+v", row.UpstreamTLS)
		}
	}
	if e := fetched[api.Explanation](r, fmt.Sprintf("/api/v1/connections/%d", rows[0].ID)); e.Connection.TLS == nil || e.Connection.TLS.Certificate != "CN=device-7" || e.Connection.Proxy == "" || e.Endpoint == nil || e.Endpoint.Check == nil {
		t.Errorf("explained as %+v", e)
	} else if len(e.Rates) != 1 || e.Rates[0].Limit != "bytes_per_second" || e.Rates[0].PerSecond != 1<<20 || e.Rates[0].Left < 1<<19 || e.Rates[0].Left > 1<<20 {
		t.Errorf("its rates are %+v", e.Rates)
	}
	eventually(t, "refusals are told, those without a route too", func() bool {
		s := fetched[api.Status](r, "/api/v1/status")
		told := map[string]bool{}
		for _, alarm := range s.Alarms {
			if alarm.Kind == api.AlarmRefusals {
				told[alarm.Route] = true
			}
		}
		return s.Refused["no_route"] == 1 && told["none"] && told["r"]
	})
	routes := fetched[api.Routes](r, "/api/v1/routes").Routes
	if got := routes[0]; got.Limit != 10 || got.Connections != 2 || got.SourceLimit != 2 || got.FullestSource != "192.0.2.7" || got.FullestConnections != 2 ||
		got.AcceptLimit != 100 || got.Refused["over_source_limit"] != 1 {
		t.Errorf("limits and how near they are: %+v", got)
	}
	for _, e := range fetched[api.Upstreams](r, "/api/v1/upstreams").Upstreams[0].Endpoints {
		if e.Address == dead && (e.Check == nil || !strings.Contains(e.Check.LastError, "refused")) || e.Address == good && (e.Check == nil || e.Check.LastError != "") {
			t.Errorf("its health is %+v", e.Check)
		}
	}
	scraped := r.fetch("/metrics")
	for _, line := range []string{
		`idlegate_connections_refused_total{cause="no_route",route="none"} 1`,
		`idlegate_connections_refused_total{cause="over_source_limit",route="r"} 1`,
		`idlegate_connection_limit{route="r"} 10`,
		`idlegate_connections{route="r"} 2`,
		`idlegate_upstream_healthy{endpoint="` + dead + `",upstream="u"} 0`,
		`idlegate_upstream_healthy{endpoint="` + good + `",upstream="u"} 1`,
		`idlegate_certificate_expiry_timestamp_seconds{certificate="` + front.cert + `"} `,
	} {
		if !strings.Contains(scraped, line) {
			t.Errorf("a scrape has no %s", line)
		}
	}
}

// TestAnEndIsSeenWithItsTLS asks for a connection that has ended, and for one whose handshake has failed.
func TestAnEndIsSeenWithItsTLS(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, device := a.issue(t, dir, "server"), a.issue(t, dir, "device")
	r := start(t, tlsRoute, backend(t, echoes), "", fmt.Sprintf("{cert: %s, key: %s, client_ca: %s}", server.cert, server.key, a.file), "{long: {}}")
	c, _ := r.dialTLS("secure", a.trusting(t, device))
	c.echo("hello")
	c.Close()
	r.ended("secure", 1)
	if _, err := r.visit("secure", a.trusting(t, nil)); err == nil {
		t.Error("one without a certificate is let in")
	}
	r.ended("secure", 2)
	for _, e := range fetched[api.Endings](r, "/api/v1/ended").Ended {
		switch e.Reason {
		case "client_fin":
			if e.TLS == nil || e.TLS.Version != "1.3" || e.TLS.Certificate != "CN=device" {
				t.Errorf("%+v", e.TLS)
			}
		default:
			if e.Reason != "tls_handshake_failed" || !strings.Contains(e.Error, "didn't provide a certificate") {
				t.Errorf("%+v", e)
			}
		}
	}
}

// TestAClientThatIsSlowedIsExplained makes one send more than it may.
func TestAClientThatIsSlowedIsExplained(t *testing.T) {
	r := start(t, rated, backend(t, echoes), "messages_per_second: {rate: 1, over: delay}", "delimiter", "idle_timeout: 1h")
	c := r.dial("r")
	c.send("1\n2\n3\n4\n5\n")
	eventually(t, "it is not read", func() bool {
		all := r.list(api.Filter{})
		if len(all) != 1 {
			return false
		}
		e := fetched[api.Explanation](r, fmt.Sprintf("/api/v1/connections/%d", all[0].ID))
		return len(e.ReadPausedFor) == 1 && e.ReadPausedFor[0] == "rate" && len(e.Rates) == 1 && e.Rates[0].Left == 0
	})
}
