package tlsconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"idlegate/gateway/internal/file"
)

// readTimeout bounds how long the files may take to be read, and maxSize the size of each. A bundle of a system's authorities has
// some 220 KiB.
const (
	readTimeout = 4 * time.Second
	maxSize     = 4 << 20
)

// Error is what is wrong with a file.
type Error struct {
	Key string // of the policy, as "admin.tls.cert"
	Err error
}

func (e *Error) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns what is wrong, without the key.
func (e *Error) Unwrap() error { return e.Err }

// at returns the key of the policy below that of c.
func (c *Config) at(keys ...string) string {
	path := c.At
	for _, key := range keys {
		if key != "" {
			path += "." + key
		}
	}
	return path
}

// read makes what the files hold now. The error joins an *Error for each key that is wrong.
func (m *Material) read() (*contents, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	made := &contents{lookedAt: make([]file.Look, len(m.files))}
	var wrong []error
	data := func(i int, key string) []byte {
		read, look, err := m.files[i].Read(ctx)
		if err == nil && len(read) > maxSize {
			err = fmt.Errorf("read %s: it is larger than %d MiB", m.files[i].Name(), maxSize>>20)
		}
		if err != nil {
			wrong = append(wrong, &Error{key, err})
			return nil
		}
		made.lookedAt[i] = look
		return read
	}
	var pairs []*tls.Certificate
	for i, p := range m.cfg.Pairs {
		cert, key := data(2*i, m.cfg.at(p.At, "cert")), data(2*i+1, m.cfg.at(p.At, "key"))
		if cert == nil || key == nil {
			continue
		}
		pair, err := m.cfg.pair(p, cert, key)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		pairs = append(pairs, pair)
		made.leaves, made.expires = append(made.leaves, pair.Leaf), append(made.expires, expiryOf(pair))
	}
	if m.cfg.CA.Name != "" {
		key := m.cfg.at(m.cfg.CAKey)
		if bundle := data(len(m.files)-1, key); bundle != nil {
			var err error
			if made.roots, err = authorities(m.cfg.CA.Path, bundle); err != nil {
				wrong = append(wrong, &Error{key, err})
			}
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	made.config = m.cfg.config(pairs, made.roots)
	return made, nil
}

// pair makes one of the contents of two files.
func (c *Config) pair(p Pair, cert, key []byte) (*tls.Certificate, *Error) {
	chain := blocks(cert)
	if len(chain) == 0 {
		return nil, &Error{c.at(p.At, "cert"), fmt.Errorf("%s has no certificate in PEM", p.Cert.Path)}
	}
	if _, err := x509.ParseCertificate(chain[0]); err != nil {
		return nil, &Error{c.at(p.At, "cert"), fmt.Errorf("read %s: %w", p.Cert.Path, err)}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &Error{c.at(p.At, "key"), c.keyError(p, err)}
	}
	return &pair, nil
}

// keyError says it in our words where a key is of another certificate, which is what goes wrong most.
func (c *Config) keyError(p Pair, err error) error {
	text := err.Error()
	if strings.Contains(text, "does not match") {
		return fmt.Errorf("the key in %s is not that of the certificate in %s", p.Key.Path, p.Cert.Path)
	}
	if strings.Contains(text, "key") && strings.Contains(text, "PEM") {
		return fmt.Errorf("%s has no private key in PEM", p.Key.Path)
	}
	return fmt.Errorf("read %s: %s", p.Key.Path, strings.TrimPrefix(text, "tls: "))
}

// blocks are the certificates of a file in PEM.
func blocks(data []byte) (all [][]byte) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, block.Bytes)
		}
	}
}

// authorities are the certificates of a bundle. One that cannot be read is passed over, as everybody does, if there are others.
func authorities(path string, bundle []byte) (all []*x509.Certificate, err error) {
	found := blocks(bundle)
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no certificate", path)
	}
	for _, der := range found {
		cert, bad := x509.ParseCertificate(der)
		if bad != nil {
			err = fmt.Errorf("read %s: %w", path, bad)
			continue
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, err
	}
	return all, nil
}

// expiryOf returns when the first certificate of a chain is valid no longer.
func expiryOf(pair *tls.Certificate) time.Time {
	at := pair.Leaf.NotAfter
	for _, der := range pair.Certificate[1:] {
		if cert, err := x509.ParseCertificate(der); err == nil && cert.NotAfter.Before(at) {
			at = cert.NotAfter
		}
	}
	return at
}

// config is for a server or a client, with what was read.
func (c *Config) config(pairs []*tls.Certificate, roots []*x509.Certificate) *tls.Config {
	made := &tls.Config{
		MinVersion: max(c.MinVersion, tls.VersionTLS12), NextProtos: c.ALPN,
		// Records of a packet each at the beginning are for pages that are shown as they come; messages end where they end.
		DynamicRecordSizingDisabled: true,
	}
	for _, p := range pairs {
		made.Certificates = append(made.Certificates, *p)
	}
	var pool *x509.CertPool
	if roots != nil {
		pool = x509.NewCertPool()
		for _, cert := range roots {
			pool.AddCert(cert)
		}
	}
	if c.Client {
		made.RootCAs, made.ServerName = pool, c.ServerName
		made.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		return made
	}
	if pool != nil {
		made.ClientCAs, made.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	if len(pairs) > 1 {
		made.GetCertificate = byName(pairs).choose
	}
	return made
}
