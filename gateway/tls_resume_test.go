package gateway_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Sessions that are resumed by their tickets. A ticket must never let in whom the files in force would not.

// visit makes a handshake with a route and a round trip, so that the ticket comes along.
func (r *running) visit(route string, config *tls.Config) (state tls.ConnectionState, err error) {
	r.t.Helper()
	c := r.dial(route)
	defer c.Close()
	conn := tls.Client(c.Conn, config)
	c.Conn = conn
	if _, err = conn.Write([]byte("hello")); err != nil {
		return state, err
	}
	if _, err = conn.Read(make([]byte, 5)); err != nil { // in TLS 1.3 a client hears only now that it was refused
		return state, err
	}
	return conn.ConnectionState(), nil
}

// returning is a client that keeps its tickets.
func (a *authority) returning(t *testing.T, who *issued, version uint16) *tls.Config {
	t.Helper()
	config := a.trusting(t, who)
	config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
	return config
}

var bothVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// replace puts the files of one certificate in the places of another's.
func (i *issued) replace(t *testing.T, by *issued) {
	t.Helper()
	must(t, os.Rename(by.cert, i.cert))
	must(t, os.Rename(by.key, i.key))
}

func TestSessionsAreResumedUntilTheCertificateIsAnother(t *testing.T) {
	for _, version := range bothVersions {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			a := newAuthority(t, dir)
			server := a.issue(t, dir, "server")
			to := backend(t, echoes)
			policy := func(idle string) string {
				return fmt.Sprintf(tlsRoute, to, "", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {idle_timeout: "+idle+"}}")
			}
			r, write := startFile(t, policy("1m"))
			config := a.returning(t, nil, version)
			expect := func(what string, resumed bool) {
				t.Helper()
				if state, err := r.visit("secure", config); err != nil || state.DidResume != resumed {
					t.Errorf("%s: resumed %v, %v", what, state.DidResume, err)
				}
			}
			expect("at first", false)
			expect("again", true)
			write(policy("2m"))
			r.reload()
			expect("after an edit of something else", true)
			server.replace(t, a.issue(t, t.TempDir(), "server"))
			eventually(t, "the new certificate is in force", func() bool { return strings.Contains(r.log.String(), "certificates were exchanged") })
			expect("after the certificate was exchanged", false)
			expect("and again", true)
		})
	}
}

// TestATicketIsNoClientCertificate makes clients come back with tickets from before the authority was another, or from a route that
// demands less.
func TestATicketIsNoClientCertificate(t *testing.T) {
	for _, version := range bothVersions {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
			server, device := a.issue(t, dir, "server"), a.issue(t, dir, "device")
			trusted := filepath.Join(dir, "devices.pem")
			copyFile(t, a.file, trusted)
			r := start(t, `
upstreams: {echo: {endpoints: ["%s"]}}
routes:
  - {name: anybody, listen: "127.0.0.1:0", protocol: raw, upstream: echo, tls: {cert: %[2]s, key: %[3]s}, policy: {long: {}}}
  - {name: devices, listen: "127.0.0.1:0", protocol: raw, upstream: echo, tls: {cert: %[2]s, key: %[3]s, client_ca: %[4]s}, policy: {long: {}}}
  - {name: others, listen: "127.0.0.1:0", protocol: raw, upstream: echo, tls: {cert: %[2]s, key: %[3]s, client_ca: %[5]s}, policy: {long: {}}}
`, backend(t, echoes), server.cert, server.key, trusted, other.file)
			nobody, known := a.returning(t, nil, version), a.returning(t, device, version)
			if _, err := r.visit("anybody", nobody); err != nil {
				t.Fatal(err)
			}
			if _, err := r.visit("devices", nobody); err == nil {
				t.Error("a ticket of a route without client_ca lets one in without a certificate")
			}
			for range 2 {
				if state, err := r.visit("devices", known); err != nil {
					t.Fatalf("resumed %v, %v", state.DidResume, err)
				}
			}
			if end := r.ended("devices", 3); end.Certificate != "CN=device" { // of the one that was resumed
				t.Errorf("the log says %q", end.Certificate)
			}
			if _, err := r.visit("others", known); err == nil {
				t.Error("a ticket of a route that trusts one authority lets one in where another is trusted")
			}
			if _, err := r.visit("devices", known); err != nil { // crypto/tls forgets a ticket that has led to nothing
				t.Fatal(err)
			}
			if state, err := r.visit("devices", known); err != nil || !state.DidResume {
				t.Fatalf("resumed %v, %v", state.DidResume, err)
			}
			copyFile(t, other.file, trusted+".new")
			must(t, os.Rename(trusted+".new", trusted))
			eventually(t, "the other authority is in force", func() bool { return strings.Contains(r.log.String(), "certificates were exchanged") })
			if state, err := r.visit("devices", known); err == nil {
				t.Errorf("one whose authority is not trusted any more is let in; resumed %v", state.DidResume)
			}
		})
	}
}

// TestATicketEndsWithTheCertificate makes a client come back when its own has expired.
func TestATicketEndsWithTheCertificate(t *testing.T) {
	for _, version := range bothVersions {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			a := newAuthority(t, dir)
			server, device := a.issue(t, dir, "server"), a.issue(t, dir, "device")
			r := start(t, tlsRoute, backend(t, echoes), "", fmt.Sprintf("{cert: %s, key: %s, client_ca: %s}", server.cert, server.key, a.file), "{long: {}}")
			var until time.Time
			config := a.returning(t, device, version)
			for { // on a machine that is slow it may have expired before
				until = time.Now().Add(3 * time.Second).Truncate(time.Second)
				config.Certificates = []tls.Certificate{a.issueUntil(t, dir, "device", until).pair(t)}
				if _, err := r.visit("secure", config); err == nil {
					break
				}
			}
			<-time.After(time.Until(until.Add(time.Second)))
			if state, err := r.visit("secure", config); err == nil {
				t.Errorf("it is let in; resumed %v", state.DidResume)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	must(t, err)
	write(t, to, string(data))
}

// TestATicketIsNoCertificateOfAnOperator is the same for the admin server.
func TestATicketIsNoCertificateOfAnOperator(t *testing.T) {
	for _, version := range bothVersions {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
			server, who := a.issue(t, dir, "server"), a.issue(t, dir, "operator")
			trusted := filepath.Join(dir, "operators.pem")
			copyFile(t, a.file, trusted)
			r := startAdmin(t, operated("tls: {cert: "+server.cert+", key: "+server.key+", client_ca: "+trusted+"}"))
			config := a.returning(t, who, version)
			config.ServerName = ""
			visit := func() (resumed bool, err error) {
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: true}}
				response, err := client.Get("https://" + r.g.AdminAddress() + "/api/v1/status")
				if err != nil {
					return false, err
				}
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					return false, fmt.Errorf("answered %s", response.Status)
				}
				return response.TLS.DidResume, nil
			}
			for range 2 {
				if _, err := visit(); err != nil {
					t.Fatal(err)
				}
			}
			copyFile(t, other.file, trusted+".new")
			must(t, os.Rename(trusted+".new", trusted))
			eventually(t, "the other authority is in force", func() bool { return strings.Contains(r.log.String(), "certificates were exchanged") })
			if resumed, err := visit(); err == nil {
				t.Errorf("an operator whose authority is not trusted any more is let in; resumed %v", resumed)
			}
		})
	}
}

// TestSessionsWithAnUpstreamAreResumedUntilItsAuthorityIsAnother looks from the backend's side.
func TestSessionsWithAnUpstreamAreResumedUntilItsAuthorityIsAnother(t *testing.T) {
	for _, version := range bothVersions {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dir := t.TempDir()
			a, other := newAuthority(t, dir), newAuthority(t, t.TempDir())
			resumed := make(chan bool, 10)
			to := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{a.issue(t, dir, "server").pair(t)}, MaxVersion: version}, func(c *client) {
				conn := c.Conn.(*tls.Conn)
				if conn.Handshake() == nil {
					resumed <- conn.ConnectionState().DidResume
					echoes(c)
				}
			})
			trusted := filepath.Join(dir, "upstream.pem")
			copyFile(t, a.file, trusted)
			r := start(t, `
upstreams: {echo: {endpoints: ["%s"], retries: 0, tls: {ca: %s}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: echo, policy: {long: {}}}]`, to, trusted)
			for _, want := range []bool{false, true} {
				c := r.dial("r")
				c.echo("hello")
				if got := <-resumed; got != want {
					t.Errorf("resumed %v, want %v", got, want)
				}
				c.Close()
			}
			copyFile(t, other.file, trusted+".new")
			must(t, os.Rename(trusted+".new", trusted))
			eventually(t, "the other authority is in force", func() bool { return strings.Contains(r.log.String(), "certificates were exchanged") })
			c := r.dial("r")
			c.receiveFIN()
			if end := r.ended("r", 3); end.Reason != "tls_handshake_failed" || !strings.Contains(end.Error, "unknown authority") {
				t.Errorf("%+v", end)
			}
		})
	}
}

// TestOpenSSLResumes makes it come back with its session, in both versions.
func TestOpenSSLResumes(t *testing.T) {
	needs(t, "openssl")
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, client := a.issue(t, dir, "server"), a.issue(t, dir, "client")
	r := start(t, tlsRoute, backend(t, echoes), "", fmt.Sprintf("{cert: %s, key: %s, client_ca: %s}", server.cert, server.key, a.file), "{long: {}}")
	address := r.g.Addresses("secure")[0]
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		session := filepath.Join(dir, "session"+version)
		args := []string{"s_client", "-connect", address, "-CAfile", a.file, "-cert", client.cert, "-key", client.key, version}
		said, err := talk(t, []string{"hello\n"}, "openssl", append(args, "-sess_out", session)...)
		if err != nil || !strings.Contains(said, "New, TLSv1.") {
			t.Fatalf("%s: %v\n%s", version, err, said)
		}
		said, err = talk(t, []string{"again\n"}, "openssl", append(args, "-sess_in", session)...)
		if err != nil || !strings.Contains(said, "Reused, TLSv1.") {
			t.Errorf("%s: %v\n%s", version, err, said)
		}
	}
	eventually(t, "all have ended", func() bool { return r.route("secure").Closed["client_fin"] == 4 })
	for _, line := range r.log.ended() {
		if line.Certificate != "CN=client" {
			t.Errorf("%+v", line)
		}
	}
}
