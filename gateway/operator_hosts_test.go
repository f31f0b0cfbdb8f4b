package gateway_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"
)

// A name of admin.hosts that resolves nowhere is called at the address of the gateway, as a browser calls one that does.
func TestTheOperatorsListenerIsCalledByItsNames(t *testing.T) {
	r := startAdmin(t, operated("hosts: [Gate.example]"))
	client := toAddress(t, &http.Client{Transport: &http.Transport{}}, r.g.AdminAddress())
	for host, want := range map[string]int{
		"gate.example": http.StatusOK, "GATE.example:9180": http.StatusOK, "127.0.0.1": http.StatusOK,
		"other.example": http.StatusForbidden, "gate.example.evil": http.StatusForbidden,
	} {
		if got := get(t, client, "http://"+host+"/api/v1/status", ""); got != want {
			t.Errorf("as %s: %d, want %d", host, got, want)
		}
	}
}

func TestTLSWithATokenIsUsedByTheNameOfTheCertificate(t *testing.T) {
	dir := t.TempDir()
	authority := newAuthority(t, dir)
	server := authority.issue(t, dir, "gate.example")
	token := filepath.Join(dir, "token")
	write(t, token, "s3cret")
	r := startAdmin(t, `
upstreams: {u: {endpoints: ["127.0.0.1:1"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
admin: {listen: "0.0.0.0:0", token_file: `+token+`, tls: {cert: `+server.cert+`, key: `+server.key+`}}
`)
	_, port, err := net.SplitHostPort(r.g.AdminAddress())
	if err != nil {
		t.Fatal(err)
	}
	client := toAddress(t, authority.client(t, nil), "127.0.0.1:"+port)
	url := "https://gate.example:" + port + "/api/v1/status"
	for token, want := range map[string]int{"s3cret": http.StatusOK, "": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		if got := get(t, client, url, token); got != want {
			t.Errorf("with the token %q: %d, want %d", token, got, want)
		}
	}
}

// toAddress makes a client connect to one address, whatever host it calls.
func toAddress(t *testing.T, client *http.Client, address string) *http.Client {
	t.Helper()
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
