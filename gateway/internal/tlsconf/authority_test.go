package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates into a folder.
type authority struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file File
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{T: t, dir: dir}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = a.pem(name, "CERTIFICATE", der)
	return a
}

// pem writes a file, as others do that exchange certificates: a new one is renamed.
func (a *authority) pem(name, kind string, der ...[]byte) File {
	a.Helper()
	var text []byte
	for _, b := range der {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})...)
	}
	return write(a.T, a.dir, name, string(text))
}

func write(t *testing.T, dir, name, text string) File {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return File{Path: path, Name: name}
}

// issued is how a certificate is made.
type issued struct {
	names  []string
	until  time.Time // zero: in an hour
	from   time.Time
	rsa    bool
	behind [][]byte // come along
}

func (a *authority) issue(name string, how issued) Pair {
	a.Helper()
	if how.until.IsZero() {
		how.until = time.Now().Add(60 * 24 * time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: how.from, NotAfter: how.until,
		DNSNames: how.names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	var key, public any
	if how.rsa {
		own, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			a.Fatal(err)
		}
		key, public = own, &own.PublicKey
	} else {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			a.Fatal(err)
		}
		key, public = own, &own.PublicKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		a.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.Fatal(err)
	}
	return Pair{Cert: a.pem(name+".pem", "CERTIFICATE", append([][]byte{der}, how.behind...)...), Key: a.pem(name+".key", "PRIVATE KEY", encoded)}
}

// pool trusts the authority.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// shown is the common name of the certificate that a client of m is shown.
func shown(t *testing.T, m *Material, client *tls.Config) (string, error) {
	t.Helper()
	near, far := pipe(t)
	served := make(chan error, 1)
	go func() {
		err := tls.Server(far, m.TLS()).HandshakeContext(t.Context())
		far.Close()
		served <- err
	}()
	conn := tls.Client(near, client)
	if err := conn.HandshakeContext(t.Context()); err != nil {
		near.Close()
		return "", errors.Join(err, <-served)
	}
	if err := <-served; err != nil { // of which a client of TLS 1.3 hears later
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}
