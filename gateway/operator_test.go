package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// operated is a policy whose admin section is to be filled in.
func operated(admin string) string {
	return `
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
admin: {listen: "127.0.0.1:0", ` + admin + `}
`
}

// get asks the operator's server for a page and returns the status.
func get(t *testing.T, client *http.Client, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestTheOperatorShowsAToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "first\n")
	r := startAdmin(t, operated("token_file: "+file))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	status := "http://" + r.g.AdminAddress() + "/api/v1/status"
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, "first": http.StatusOK} {
		if got := get(t, client, status, token); got != want {
			t.Errorf("with the token %q: %d, want %d", token, got, want)
		}
	}
	write(t, file, "second")
	if got := get(t, client, status, "second"); got != http.StatusOK {
		t.Errorf("with the token that was exchanged: %d", got)
	}
	if got := get(t, client, status, "first"); got != http.StatusUnauthorized {
		t.Errorf("with the one before: %d", got)
	}
	if got := get(t, client, "http://"+r.g.AdminAddress()+"/debug/pprof/", "second"); got != http.StatusNotFound {
		t.Errorf("profiles are there though nobody asked for them: %d", got)
	}
}

func TestTheOperatorShowsACertificate(t *testing.T) {
	dir := t.TempDir()
	authority := newAuthority(t, dir)
	server, client := authority.issue(t, dir, "server"), authority.issue(t, dir, "client")
	stranger := newAuthority(t, t.TempDir()).issue(t, t.TempDir(), "stranger")
	r := startAdmin(t, operated("pprof: true, tls: {cert: "+server.cert+", key: "+server.key+", client_ca: "+authority.file+"}"))
	url := "https://" + r.g.AdminAddress()
	if got := get(t, authority.client(t, client), url+"/api/v1/status", ""); got != http.StatusOK {
		t.Errorf("with a certificate: %d", got)
	}
	if got := get(t, authority.client(t, client), url+"/debug/pprof/", ""); got != http.StatusOK {
		t.Errorf("profiles that were asked for: %d", got)
	}
	for _, who := range []*issued{nil, stranger} {
		if response, err := authority.client(t, who).Get(url + "/api/v1/status"); err == nil {
			response.Body.Close()
			t.Errorf("who has no certificate of ours (%v) is let in: %s", who, response.Status)
		}
	}
}

func TestAnOperatorWhoCannotBeKnownIsAnErrorAtTheStart(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	write(t, empty, " \n")
	server := newAuthority(t, dir).issue(t, dir, "server")
	for name, test := range map[string]struct{ admin, want string }{
		"no token file":             {"token_file: " + dir + "/none", "admin.token_file: open"},
		"an empty one":              {"token_file: " + empty, "is empty"},
		"no certificate":            {"tls: {cert: " + empty + ", key: " + empty + "}", "admin.tls.cert: "},
		"no authority":              {"tls: {cert: " + server.cert + ", key: " + server.key + ", client_ca: " + dir + "/none}", "admin.tls.client_ca: open"},
		"one without a certificate": {"tls: {cert: " + server.cert + ", key: " + server.key + ", client_ca: " + empty + "}", "has no certificate"},
		"a key that is no key":      {"tls: {cert: " + server.cert + ", key: " + server.cert + "}", "admin.tls.key: "},
	} {
		t.Run(name, func(t *testing.T) {
			before := descriptors(t)
			if _, err := unstartedAs(t, operated(test.admin)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New gives %v, want something about %q", err, test.want)
			}
			eventually(t, "descriptors are given back", func() bool { return descriptors(t) <= before })
		})
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

type issued struct{ cert, key string }

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(dir, "ca.pem"), key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) issue(t *testing.T, dir, name string) *issued {
	t.Helper()
	return a.issueUntil(t, dir, name, time.Now().Add(time.Hour))
}

// issueUntil issues a certificate that is valid until then.
func (a *authority) issueUntil(t *testing.T, dir, name string, until time.Time) *issued {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := &issued{filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")}
	writePEM(t, files.cert, "CERTIFICATE", der)
	writePEM(t, files.key, "EC PRIVATE KEY", encoded)
	return files
}

// client trusts the authority and shows a certificate, or none.
func (a *authority) client(t *testing.T, who *issued) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(a.cert)
	if who != nil {
		cert, err := tls.LoadX509KeyPair(who.cert, who.key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
