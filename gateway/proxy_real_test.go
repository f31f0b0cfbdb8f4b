package gateway_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// HAProxy and nginx, in front of the gateway and behind it, and clients of OpenSSL, curl and GnuTLS.

// haproxy runs HAProxy with these sections at an address, which they name as %s.
func haproxy(t *testing.T, sections string) (address string) {
	t.Helper()
	needs(t, "haproxy")
	address = sharedAddress(t)
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	const defaults = "defaults\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
	must(t, os.WriteFile(file, []byte(defaults+strings.ReplaceAll(sections, "ADDRESS", address)), 0o600))
	serveOn(t, "tcp", address, "haproxy", "-db", "-f", file)
	return address
}

// nginx runs nginx with a section at an address, which it names as ADDRESS.
func nginx(t *testing.T, section string) (address string) {
	t.Helper()
	needs(t, "nginx")
	address = sharedAddress(t)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	text := "daemon off; pid " + dir + "/pid; error_log stderr; worker_processes 1;\n" +
		"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nevents {}\n" + strings.ReplaceAll(section, "ADDRESS", address)
	if strings.HasPrefix(section, "http") {
		text = strings.Replace(text, "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n", "", 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	serveOn(t, "tcp", address, "nginx", "-e", "stderr", "-p", dir, "-c", file)
	return address
}

func TestProxiesInFront(t *testing.T) {
	for name, front := range map[string]func(t *testing.T, gateway string) string{
		"HAProxy, version 1": func(t *testing.T, gateway string) string {
			return haproxy(t, "listen l\n bind ADDRESS\n mode tcp\n server g "+gateway+" send-proxy source 127.7.0.1\n")
		},
		"HAProxy, version 2, with health checks": func(t *testing.T, gateway string) string {
			return haproxy(t, "listen l\n bind ADDRESS\n mode tcp\n server g "+gateway+" send-proxy-v2 proxy-v2-options authority,unique-id,crc32c source 127.7.0.1 check inter 50 check-send-proxy\n")
		},
		"nginx": func(t *testing.T, gateway string) string {
			return nginx(t, "stream { server { listen ADDRESS; proxy_pass "+gateway+"; proxy_bind 127.7.0.1; proxy_protocol on; } }\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, `
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", accept_proxy_protocol: {from: [127.7.0.0/16]}, allow: [127.9.9.0/24, 127.1.2.3], protocol: raw, upstream: u, policy: {long: {}}}]`,
				backend(t, echoes))
			c := dialFrom(t, "127.1.2.3", front(t, g.g.Addresses("r")[0]))
			c.echo("hello")
			c.finish()
			c.receiveFIN()
			if line := g.endOf(c); line.ClientBytes != 5 { // endOf goes by the client's address
				t.Errorf("%+v", line)
			}
		})
	}
}

func TestProxiesBehind(t *testing.T) {
	for name, test := range map[string]struct {
		version string
		behind  func(t *testing.T) string
		want    string // of CLIENT and ID
	}{
		"HAProxy, version 1": {"v1", func(t *testing.T) string {
			return haproxy(t, "listen l\n bind ADDRESS accept-proxy\n mode http\n http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port]\"\n")
		}, "CLIENT"},
		"HAProxy, version 2": {"v2", func(t *testing.T) string {
			return haproxy(t, "listen l\n bind ADDRESS accept-proxy\n mode http\n http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port] %[fc_pp_unique_id]\"\n")
		}, "CLIENT ID"},
		"nginx, version 1": {"v1", behindNginx, "CLIENT"},
		"nginx, version 2": {"v2", behindNginx, "CLIENT"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, test.behind(t), test.version)
			c := g.dial("r")
			c.send("GET / HTTP/1.0\r\n\r\n")
			var answer bytes.Buffer
			_, err := answer.ReadFrom(c)
			must(t, err)
			c.Close()
			want := strings.NewReplacer("CLIENT", c.LocalAddr().String(), "ID", fmt.Sprint(g.ended("r", 1).ID)).Replace(test.want)
			if !strings.HasSuffix(answer.String(), "\r\n\r\n"+want) {
				t.Errorf("it answers %q, and knows the client as other than %q", &answer, want)
			}
		})
	}
}

// TestHealthChecksOfProxiesBehind lets them answer the checks, which come with a header as clients do.
func TestHealthChecksOfProxiesBehind(t *testing.T) {
	for name, behind := range map[string]func(t *testing.T) string{
		"HAProxy": func(t *testing.T) string {
			return haproxy(t, "listen l\n bind ADDRESS accept-proxy\n mode http\n http-request return status 200\n")
		},
		"nginx": behindNginx,
	} {
		for _, version := range []string{"v1", "v2"} {
			t.Run(name+", "+version, func(t *testing.T) {
				address := behind(t)
				g := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: %s, health: {every: 100ms, timeout: 10s, rise: 2, fall: 1, send: {text: "GET / HTTP/1.0\r\n\r\n"}, expect: {text: "HTTP/1."}}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, address, version)
				eventually(t, "it is up", func() bool {
					e := g.endpointOf("u", address)
					return e.Check != nil && (e.Check.State == "up" || e.Check.LastError != "")
				})
				if e := g.endpointOf("u", address); e.Check.LastError != "" {
					t.Errorf("a check has failed: %s", e.Check.LastError)
				}
			})
		}
	}
}

// TestHAProxyBehindKnowsTheServerName has TLS end at the gateway, of which HAProxy is told.
func TestHAProxyBehindKnowsTheServerName(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "gate.example")
	behind := haproxy(t, "listen l\n bind ADDRESS accept-proxy\n mode http\n http-request return status 200 content-type text/plain "+
		"lf-string \"%[src]:%[src_port] %[fc_pp_unique_id] %[fc_pp_authority]\"\n")
	g := start(t, `
upstreams: {u: {endpoints: ["%s"], proxy_protocol: v2}}
routes: [{name: r, listen: "127.0.0.1:0", tls: {cert: %s, key: %s}, protocol: raw, upstream: u, policy: {long: {}}}]`, behind, server.cert, server.key)
	config := a.trusting(t, nil)
	config.ServerName = "gate.example"
	c, _ := g.dialTLS("r", config)
	c.send("GET / HTTP/1.0\r\n\r\n")
	var answer bytes.Buffer
	_, err := answer.ReadFrom(c)
	must(t, err)
	c.Close()
	if want := fmt.Sprintf("\r\n\r\n%s %d gate.example", c.LocalAddr(), g.ended("r", 1).ID); !strings.HasSuffix(answer.String(), want) {
		t.Errorf("it answers %q, want %q", &answer, want)
	}
}

func behindNginx(t *testing.T) string {
	return nginx(t, "http { access_log off; server { listen ADDRESS proxy_protocol; location / { return 200 \"$proxy_protocol_addr:$proxy_protocol_port\"; } } }\n")
}

// TestRealClientsAreRoutedByServerName lets them verify nothing but who answers.
func TestRealClientsAreRoutedByServerName(t *testing.T) {
	needs(t, "openssl", "gnutls-cli", "curl")
	address := sharedAddress(t)
	g := start(t, `
upstreams: {one: {endpoints: ["%s"]}, other: {endpoints: ["%s"]}}
routes:
  - {name: one, listen: "%[3]s", match: {sni: [one.example]}, protocol: raw, upstream: one, policy: {long: {}}}
  - {name: other, listen: "%[3]s", match: {sni: ["*"]}, protocol: raw, upstream: other, policy: {long: {}}}`, tlsSayer(t, "one.example"), tlsSayer(t, "other"), address)
	host, port, _ := net.SplitHostPort(address)
	clients := map[string][]string{
		"OpenSSL":               {"openssl", "s_client", "-quiet", "-connect", address, "-servername", "one.example"},
		"OpenSSL, TLS 1.2":      {"openssl", "s_client", "-quiet", "-tls1_2", "-connect", address, "-servername", "one.example"},
		"OpenSSL, small pieces": {"openssl", "s_client", "-quiet", "-max_send_frag", "512", "-connect", address, "-servername", "one.example"},
		"GnuTLS":                {"gnutls-cli", "--insecure", "--no-ca-verification", "--sni-hostname", "one.example", "-p", port, host},
		"curl":                  {"curl", "-sk", "--http0.9", "--max-time", "10", "--connect-to", "one.example:443:" + address, "https://one.example"},
	}
	for name, command := range clients {
		t.Run(name, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), command[0], command[1:]...)
			if out, err := run.Output(); !strings.Contains(string(out), "it is one.example") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	if n := g.route("one").Opened; n != uint64(len(clients)) {
		t.Errorf("the route has opened %d connections, not one for each", n)
	}
}

// tlsSayer is a backend that says who it is, and no more.
func tlsSayer(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	certs := newAuthority(t, dir).issue(t, dir, name)
	pair, err := tls.LoadX509KeyPair(certs.cert, certs.key)
	must(t, err)
	return backend(t, func(c *client) {
		server := tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{pair}})
		_, _ = fmt.Fprintln(server, "it is "+name)
		_ = server.CloseWrite()
		_, _ = io.Copy(io.Discard, server)
	})
}
