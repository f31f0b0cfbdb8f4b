package gateway_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// trusting is a client's configuration that trusts the authority and shows a certificate, or none.
func (a *authority) trusting(t *testing.T, who *issued) *tls.Config {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1"}
	config.RootCAs.AddCert(a.cert)
	if who != nil {
		config.Certificates = []tls.Certificate{who.pair(t)}
	}
	return config
}

func (i *issued) pair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(i.cert, i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// dialTLS connects a client to a route that speaks TLS.
func (r *running) dialTLS(route string, config *tls.Config) (*client, *tls.Conn) {
	r.t.Helper()
	c := r.dial(route)
	conn := tls.Client(c.Conn, config)
	c.Conn = conn
	if err := conn.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return c, conn
}

// secureBackend is a server behind the gateway that speaks TLS.
func secureBackend(t *testing.T, config *tls.Config, serve func(*client)) string {
	t.Helper()
	return backend(t, func(c *client) {
		c.Conn = tls.Server(c.Conn, config)
		serve(c)
		c.Close() // with a close_notify
	})
}

const tlsRoute = `
upstreams: {echo: {endpoints: ["%s"]%s}}
routes:
  - {name: secure, listen: "127.0.0.1:0", protocol: raw, upstream: echo, tls: %s, policy: %s}
`

// secured is a gateway whose one route speaks TLS.
func secured(t *testing.T, to string, server *issued, policy string) *running {
	t.Helper()
	return start(t, tlsRoute, to, "", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), policy)
}

func TestTLSOnBothEdgesCarriesWhatIsSent(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, client, own := a.issue(t, dir, "server"), a.issue(t, dir, "client"), a.issue(t, dir, "gateway")
	demanding := &tls.Config{Certificates: []tls.Certificate{server.pair(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.trusting(t, nil).RootCAs}
	for name, policy := range map[string]string{"at accept": "", "with the first message": ", connect_on: first_message"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(version), func(t *testing.T) {
				behind := demanding.Clone()
				behind.MaxVersion = version
				to := secureBackend(t, behind, echoes)
				r := start(t, tlsRoute, to, fmt.Sprintf(", tls: {ca: %s, cert: %s, key: %s}", a.file, own.cert, own.key),
					fmt.Sprintf("{cert: %s, key: %s, client_ca: %s}", server.cert, server.key, a.file), "{long: {idle_timeout: 30s}}"+policy)
				config := a.trusting(t, client)
				config.MaxVersion = version
				c, _ := r.dialTLS("secure", config)
				c.echo("hello")
				expectTLS(t, r, tls.VersionName(version))
				sent := bytes.Repeat([]byte("0123456789abcdef"), 128<<10/16*16)
				go func() { _, _ = c.Write(sent) }()
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
					t.Fatalf("of 2 MiB: %v", err)
				}
				if err := c.Conn.(*tls.Conn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				c.receiveFIN()
				r.expectEnd("secure", "client_fin")
				if f := r.route("secure"); f.Bytes[0] != uint64(len(sent)+5) || f.Bytes[1] != f.Bytes[0] {
					t.Errorf("bytes are %v, want those of the payload", f.Bytes)
				}
			})
		}
	}
}

func TestAnEndOfTLSIsPassedOnAsWhatItWas(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	for name, test := range map[string]struct {
		client   func(t *testing.T, c *client, conn *tls.Conn)
		reason   string
		upstream string // what the backend reads at the end
	}{
		"close_notify": {func(t *testing.T, c *client, conn *tls.Conn) {
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.receive("answer")
			c.receiveFIN() // a close_notify, or crypto/tls had another error
		}, "client_fin", "EOF"},
		"a FIN without close_notify": {func(_ *testing.T, c *client, conn *tls.Conn) { conn.NetConn().Close() }, "client_reset", "reset by peer"},
		"a reset": {func(_ *testing.T, c *client, conn *tls.Conn) {
			_ = conn.NetConn().(*net.TCPConn).SetLinger(0)
			conn.NetConn().Close()
		}, "client_reset", "reset by peer"},
		"a record that was tampered with": {func(t *testing.T, c *client, conn *tls.Conn) {
			if _, err := io.WriteString(conn.NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
				t.Errorf("the client is told %v", err)
			}
		}, "protocol_error", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan string, 1)
			to := backend(t, func(c *client) {
				c.receive("question")
				_, err := c.Read(make([]byte, 1))
				heard <- fmt.Sprint(err)
				_, _ = c.Write([]byte("answer"))
			})
			r := secured(t, to, server, "{long: {idle_timeout: 30s}}")
			c, conn := r.dialTLS("secure", a.trusting(t, nil))
			c.send("question")
			eventually(t, "the question has gone on", func() bool { return r.route("secure").Bytes[0] == 8 })
			test.client(t, c, conn)
			r.expectEnd("secure", test.reason)
			if got := <-heard; !strings.Contains(got, test.upstream) {
				t.Errorf("the backend hears %s, want %s", got, test.upstream)
			}
		})
	}
}

func TestTimersEndTLSWithACloseNotify(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, backend(t, echoes), a.issue(t, dir, "server"), "{long: {idle_timeout: 1500ms}}")
	c, _ := r.dialTLS("secure", a.trusting(t, nil))
	c.echo("hello")
	c.receiveFIN()
	r.expectEnd("secure", "idle_timeout")
}

func TestAnUpstreamThatIsCutIsPassedOnAsAReset(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	to := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}, func(c *client) {
		c.receive("question")
		c.send("half an ans")
		c.Conn.(*tls.Conn).NetConn().Close()
	})
	r := start(t, tlsRoute, to, ", tls: {ca: "+a.file+"}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {}}")
	c, _ := r.dialTLS("secure", a.trusting(t, nil))
	c.send("question")
	c.receive("half an ans")
	if _, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("the client reads %v, want a reset", err)
	}
	r.expectEnd("secure", "upstream_reset")
}

func TestHandshakesThatFail(t *testing.T) {
	dir := t.TempDir()
	a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
	server := a.issue(t, dir, "server")
	for name, test := range map[string]struct {
		client func(t *testing.T, c *client)
		policy string
		reason string
	}{
		"no TLS": {func(_ *testing.T, c *client) { c.send("GET / HTTP/1.1\r\n\r\n"); c.receiveFIN() }, "", "tls_handshake_failed"},
		"no certificate": {func(t *testing.T, c *client) {
			if _, err := tls.Client(c.Conn, a.trusting(t, nil)).Read(make([]byte, 1)); err == nil {
				t.Error("it was let in")
			}
		}, "", "tls_handshake_failed"},
		"one of another authority": {func(t *testing.T, c *client) {
			if _, err := tls.Client(c.Conn, a.trusting(t, other.issue(t, t.TempDir(), "client"))).Read(make([]byte, 1)); err == nil {
				t.Error("it was let in")
			}
		}, "", "tls_handshake_failed"},
		"one that has expired": {func(t *testing.T, c *client) {
			old := a.issueUntil(t, t.TempDir(), "client", time.Now().Add(-time.Hour))
			if _, err := tls.Client(c.Conn, a.trusting(t, old)).Read(make([]byte, 1)); err == nil {
				t.Error("it was let in")
			}
		}, "", "tls_handshake_failed"},
		"silence":              {func(_ *testing.T, c *client) { c.receiveFIN() }, "tls_handshake_timeout: 200ms", "tls_handshake_timeout"},
		"a hello that stops":   {func(_ *testing.T, c *client) { c.send("\x16\x03\x01\x02\x00\x01\x00"); c.receiveFIN() }, "tls_handshake_timeout: 200ms", "tls_handshake_timeout"},
		"silence in a dry run": {func(_ *testing.T, c *client) { c.receiveFIN() }, "tls_handshake_timeout: 200ms, dry_run: true", "tls_handshake_timeout"},
		"a client that goes":   {func(_ *testing.T, c *client) { c.Close() }, "", "client_fin"},
		"one that goes midway": {func(_ *testing.T, c *client) { c.send("\x16\x03\x01\x02\x00\x01\x00"); c.Close() }, "", "tls_handshake_failed"},
		"one that resets":      {func(_ *testing.T, c *client) { c.send("\x16\x03"); c.reset() }, "", "client_reset"},
		"an endless hello":     {func(_ *testing.T, c *client) { c.send(endlessHello()); _, _ = io.Copy(io.Discard, c) }, "", "tls_handshake_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			dialled := make(chan struct{}, 1)
			to := backend(t, func(*client) { dialled <- struct{}{} })
			r := start(t, tlsRoute, to, "", fmt.Sprintf("{cert: %s, key: %s, client_ca: %s}", server.cert, server.key, a.file), "{long: {"+test.policy+"}}")
			test.client(t, r.dial("secure"))
			r.expectEnd("secure", test.reason)
			select {
			case <-dialled:
				t.Error("the backend was connected to")
			default:
			}
		})
	}
}

// endlessHello is a ClientHello that says it has 16 MiB, in records of 16 KiB.
func endlessHello() string {
	record := "\x16\x03\x01\x40\x00"
	all := record + "\x01\xff\xff\xff" + strings.Repeat("\x03", 16<<10-4)
	for range 8 {
		all += record + strings.Repeat("\x00", 16<<10)
	}
	return all
}

func TestSlowHandshakesLeaveRoomForTheHonest(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, backend(t, echoes), a.issue(t, dir, "server"), "{long: {tls_handshake_timeout: 60s}}")
	for i := range 1000 {
		c := r.dial("secure")
		if i%2 == 0 {
			c.send("\x16\x03\x01\x02\x00\x01")
		}
	}
	eventually(t, "all are there", func() bool { return r.route("secure").Connections == 1000 })
	began := time.Now()
	c, _ := r.dialTLS("secure", a.trusting(t, nil))
	c.echo("honest")
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

func TestAnUpstreamThatCannotBeVerifiedIsNotSpokenTo(t *testing.T) {
	dir := t.TempDir()
	a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
	server := a.issue(t, dir, "server")
	good := &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}
	foreign := &tls.Config{Certificates: []tls.Certificate{other.issue(t, t.TempDir(), "server").pair(t)}}
	for name, test := range map[string]struct {
		to    func(t *testing.T) string
		tls   string
		error string
	}{
		"of a foreign authority": {func(t *testing.T) string { return secureBackend(t, foreign, echoes) }, "", "unknown authority"},
		"that has expired": {func(t *testing.T) string {
			old := a.issueUntil(t, t.TempDir(), "server", time.Now().Add(-time.Hour))
			return secureBackend(t, &tls.Config{Certificates: []tls.Certificate{old.pair(t)}}, echoes)
		}, "", "has expired"},
		"for another name": {func(t *testing.T) string { return secureBackend(t, good, echoes) }, ", server_name: else.example", "not else.example"},
		"no TLS at all": {func(t *testing.T) string {
			return backend(t, func(c *client) { c.send("220 hello\r\n"); _, _ = io.Copy(io.Discard, c) })
		}, "", "does not look like a TLS handshake"},
		"one that goes": {func(t *testing.T) string { return backend(t, func(c *client) { _, _ = c.Read(make([]byte, 16<<10)) }) }, "", "closed the connection within the handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, tlsRoute, test.to(t), ", retries: 0, tls: {ca: "+a.file+test.tls+"}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {}}")
			c, _ := r.dialTLS("secure", a.trusting(t, nil))
			c.receiveFIN()
			if end := r.expectEnd("secure", "tls_handshake_failed"); !strings.Contains(end.Error, test.error) {
				t.Errorf("the error is %q, want %q", end.Error, test.error)
			}
		})
	}
	t.Run("another endpoint is tried", func(t *testing.T) {
		to := secureBackend(t, foreign, echoes) + `", "` + secureBackend(t, good, echoes)
		r := start(t, tlsRoute, to, ", balance: round_robin, tls: {ca: "+a.file+"}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {}}")
		for range 4 {
			c, _ := r.dialTLS("secure", a.trusting(t, nil))
			c.echo("hello")
		}
	})
	t.Run("a handshake that stops", func(t *testing.T) {
		to := backend(t, func(c *client) { _, _ = io.Copy(io.Discard, c) })
		r := start(t, tlsRoute, to, ", retries: 0, tls: {ca: "+a.file+"}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {tls_handshake_timeout: 2s}}")
		c, _ := r.dialTLS("secure", a.trusting(t, nil))
		c.receiveFIN()
		r.expectEnd("secure", "tls_handshake_timeout")
	})
}

func TestCertificatesOfARouteAreExchangedUnderOpenConnections(t *testing.T) {
	dir := t.TempDir()
	first, second := newAuthority(t, dir), newAuthority(t, t.TempDir())
	server := first.issue(t, dir, "server")
	r := secured(t, backend(t, echoes), server, "{long: {}}")
	before, _ := r.dialTLS("secure", first.trusting(t, nil))
	before.echo("before")
	other := second.issue(t, t.TempDir(), "server")
	for from, to := range map[string]string{other.cert: server.cert, other.key: server.key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the new certificate is shown", func() bool {
		c := r.dial("secure")
		defer c.Close()
		return tls.Client(c.Conn, second.trusting(t, nil)).Handshake() == nil
	})
	before.echo("still there")
	if all := r.snapshot().Certificates; len(all) != 1 || all[0].Name != server.cert {
		t.Errorf("certificates are %v", all)
	}
}

func TestAClientThatTakesNothingIsStalledUnderTLS(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	to := backend(t, func(c *client) {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	})
	r := secured(t, to, a.issue(t, dir, "server"), "{long: {write_timeout: 500ms}}")
	c, _ := r.dialTLS("secure", a.trusting(t, nil))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	r.expectEnd("secure", "client_stalled")
	eventually(t, "nothing is held", func() bool { return r.snapshot().BufferBytes == 0 })
}

func TestTheHandshakeOfATLSPeerThatNobodyReadsIsNoFault(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	r := secured(t, freeAddress(t), a.issue(t, dir, "server"), "{long: {}}")
	c := r.dial("secure")
	conn := tls.Client(c.Conn, a.trusting(t, nil))
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %v, want the end", err)
	}
	r.expectEnd("secure", "connect_refused")
}

// expectTLS demands that the one connection says who speaks what.
func expectTLS(t *testing.T, r *running, version string) {
	t.Helper()
	page, err := r.g.List(t.Context(), api.Filter{}, api.Page{Limit: 10})
	if err != nil || len(page.Connections) != 1 {
		t.Fatalf("%d connections, %v", len(page.Connections), err)
	}
	for side, got := range map[string]*api.TLS{"client": page.Connections[0].TLS, "server": page.Connections[0].UpstreamTLS} {
		if got == nil || "TLS "+got.Version != version || got.Cipher == "" || got.Certificate != "CN="+side {
			t.Errorf("of the %s: %+v", side, got)
		}
	}
}
