package gateway_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"testing"
)

// echConfig is an ECHConfig (RFC 9849, section 4) whose outer name is public, for X25519 and AES-128-GCM.
func echConfig(t *testing.T, public string) (config []byte, key *ecdh.PrivateKey) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	sized := func(to, b []byte) []byte { return append(binary.BigEndian.AppendUint16(to, uint16(len(b))), b...) }
	contents := []byte{7, 0x00, 0x20} // an id, and the KEM
	contents = sized(contents, key.PublicKey().Bytes())
	contents = sized(contents, []byte{0, 1, 0, 1}) // HKDF with SHA-256, AES-128-GCM
	contents = append(contents, 32, byte(len(public)))
	contents = append(contents, public...)
	contents = sized(contents, nil)
	return sized([]byte{0xfe, 0x0d}, contents), key
}

// TestAnEncryptedHelloIsRoutedByItsOuterName has a backend that alone can read the inner one.
func TestAnEncryptedHelloIsRoutedByItsOuterName(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	config, key := echConfig(t, "one.example")
	secret := a.issue(t, dir, "secret.example")
	read := make(chan bool, 1)
	behind := backend(t, func(c *client) {
		server := tls.Server(c.Conn, &tls.Config{
			Certificates:             []tls.Certificate{secret.pair(t)},
			EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key.Bytes()}},
		})
		if server.Handshake() == nil {
			read <- server.ConnectionState().ECHAccepted
		}
		c.Conn = server
		echoes(c)
	})
	address := sharedAddress(t)
	start(t, `
upstreams: {u: {endpoints: ["%s"]}, other: {endpoints: ["%s"]}}
routes:
  - {name: one, listen: "%[3]s", match: {sni: [one.example]}, protocol: raw, upstream: u, policy: {long: {}}}
  - {name: other, listen: "%[3]s", match: {sni: [secret.example]}, protocol: raw, upstream: other, policy: {long: {}}}`, behind, freeAddress(t), address)
	c := dial(t, address)
	client := a.trusting(t, nil)
	client.ServerName = "secret.example"
	client.EncryptedClientHelloConfigList = append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
	c.Conn = tls.Client(c.Conn, client)
	c.echo("hello")
	if !<-read {
		t.Error("the backend could not read the inner hello")
	}
}

// TestARouteShowsTheCertificateOfTheName has several, and one client that asks for none of them.
func TestARouteShowsTheCertificateOfTheName(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	first, other, wild := a.issue(t, dir, "first.example"), a.issue(t, dir, "other.example"), a.issue(t, dir, "*.wild.example")
	r := start(t, tlsRoute, backend(t, echoes), "", fmt.Sprintf("{cert: %s, key: %s, certificates: [{cert: %s, key: %s}, {cert: %q, key: %q}]}",
		first.cert, first.key, other.cert, other.key, wild.cert, wild.key), "{long: {}}")
	for name, want := range map[string]string{
		"first.example": "first.example", "other.example": "other.example", "a.wild.example": "*.wild.example", "nobody.example": "first.example",
	} {
		config := a.trusting(t, nil)
		config.ServerName, config.InsecureSkipVerify = name, true
		if state, err := r.visit("secure", config); err != nil || state.PeerCertificates[0].Subject.CommonName != want {
			t.Errorf("%s: %v, %v", name, state.PeerCertificates, err)
		}
	}
}
