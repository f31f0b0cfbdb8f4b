package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"idlegate/cmd/idlebench/internal/load"
)

// TLS is 1.3 with AES-128-GCM, X25519 and a certificate of ECDSA with P-256 everywhere, and no session is resumed: so all proxies
// have the same work.

const tlsCipher = "TLS_AES_128_GCM_SHA256"

// speech is where TLS ends.
type speech uint8

const (
	inClear     speech = iota
	terminated         // at the proxy
	passthrough        // at the backend, to which the proxy finds the way by the name that the client asks for
)

// newCertificate returns a certificate for load.ServerName and its key, in PEM.
func newCertificate() (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: load.ServerName}, DNSNames: []string{load.ServerName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

// certificate writes a certificate and its key, and both into one file as HAProxy wants them.
func (s site) certificate() (cert, key, both string, err error) {
	c, k, err := newCertificate()
	if err != nil {
		return "", "", "", err
	}
	if cert, err = s.write("cert.pem", string(c)); err != nil {
		return "", "", "", err
	}
	if key, err = s.write("key.pem", string(k)); err != nil {
		return "", "", "", err
	}
	both, err = s.write("both.pem", string(c)+string(k))
	return cert, key, both, err
}

// listenTLS makes a backend speak TLS.
func listenTLS(l net.Listener) (net.Listener, error) {
	c, k, err := newCertificate()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(c, k)
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}), err
}

// What the configuration of each proxy has more.

func idlegateTLS(s site) (route, protocol string, err error) {
	const framed = "{length_field: {offset: 0, size: 4}}"
	switch s.tls {
	case terminated:
		cert, key, _, err := s.certificate()
		return fmt.Sprintf("    tls: {cert: %s, key: %s, min_version: 1.3}\n", cert, key), framed, err
	case passthrough:
		return fmt.Sprintf("    match: {sni: [%s]}\n", load.ServerName), "raw", nil
	}
	return "", framed, nil
}

// haproxyTLS returns what is added to bind and to listen.
func haproxyTLS(s site) (bind, listen string, err error) {
	switch s.tls {
	case terminated:
		_, _, both, err := s.certificate()
		return " ssl crt " + both + " ssl-min-ver TLSv1.3 curves X25519 ciphersuites " + tlsCipher, "", err
	case passthrough:
		return "", "  tcp-request inspect-delay 5s\n  tcp-request content accept if { req_ssl_hello_type 1 }\n" +
			"  use-server backend if { req_ssl_sni -i " + load.ServerName + " }\n", nil
	}
	return "", "", nil
}

// nginxTLS returns what is added to listen, to server, and to stream.
func nginxTLS(s site) (listen, server, stream string, err error) {
	switch s.tls {
	case terminated:
		cert, key, _, err := s.certificate()
		return " ssl", fmt.Sprintf("    ssl_certificate %s;\n    ssl_certificate_key %s;\n    ssl_protocols TLSv1.3;\n    ssl_ecdh_curve X25519;\n"+
			"    ssl_conf_command Ciphersuites %s;\n    ssl_session_tickets off;\n", cert, key, tlsCipher), "", err
	case passthrough:
		return "", "    ssl_preread on;\n", fmt.Sprintf("  map $ssl_preread_server_name $bench {\n    %s %s;\n  }\n", load.ServerName, s.backend), nil
	}
	return "", "", "", nil
}
