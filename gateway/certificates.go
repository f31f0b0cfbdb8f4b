package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"idlegate/gateway/internal/file"
	"idlegate/policy"
)

// lookAgain is how long after a look at the files of certificates the next one comes at the soonest.
const lookAgain = time.Second

// certificates are those of admin.tls. They are read again when their files have changed, at the next handshake; files that cannot be
// used, as while they are being exchanged, leave those before in force.
type certificates struct {
	// Set once, then read only.
	files  policy.AdminTLS
	logger *slog.Logger

	mu     sync.Mutex
	served *tls.Config       // Guarded by mu.
	leaf   *x509.Certificate // of served. Guarded by mu.
	seen   []fileState       // of the files, when they were read last. Guarded by mu.
	looked time.Time         // Guarded by mu.
	told   string            // what was wrong with the files at the last look. Guarded by mu.
}

// fileState tells two contents of a file apart.
type fileState struct {
	info os.FileInfo // nil: it is not there
}

func (s fileState) same(other fileState) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

// newCertificates reads the files, and returns an error where they cannot be used.
func newCertificates(files policy.AdminTLS, logger *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, logger: logger, looked: time.Now()}
	c.seen = c.states()
	return c, c.read()
}

// config is for a server: each handshake gets the certificates in force.
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.look()
		return c.served, nil
	}}
}

// areFor reports whether the certificate in force is valid for a host.
func (c *certificates) areFor(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaf.VerifyHostname(host) == nil
}

// look reads the files again where they have changed. The caller holds mu.
func (c *certificates) look() {
	if time.Since(c.looked) < lookAgain {
		return
	}
	c.looked = time.Now()
	now := c.states()
	changed := c.told != ""
	for i, state := range now {
		changed = changed || !state.same(c.seen[i])
	}
	if !changed {
		return
	}
	c.seen = now
	if err := c.read(); err != nil {
		if c.told != err.Error() {
			c.logger.Warn("the certificates of the admin server stay as they were: their files cannot be used", "error", err)
		}
		c.told = err.Error()
		return
	}
	c.told = ""
	c.logger.Info("the certificates of the admin server were exchanged", "expires", c.leaf.NotAfter)
}

func (c *certificates) states() []fileState {
	var all []fileState
	for _, path := range []string{c.files.Cert.Path, c.files.Key.Path, c.files.ClientCA.Path} {
		info, _ := os.Stat(path) // reading it says what is wrong
		all = append(all, fileState{info})
	}
	return all
}

// readFrom is read for files that are only tried.
func (c *certificates) readFrom(files policy.AdminTLS) error {
	c.files = files
	return c.read()
}

// read takes what the files hold into force, if it can be used.
func (c *certificates) read() error {
	cert, err := readPair(c.files.Cert.Path, c.files.Key.Path)
	if err != nil {
		return fmt.Errorf("admin.tls: %w", err)
	}
	served := &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
	if !c.files.ClientCA.IsZero() {
		served.ClientAuth = tls.RequireAndVerifyClientCert
		if served.ClientCAs, err = readAuthorities(c.files.ClientCA.Path); err != nil {
			return fmt.Errorf("admin.tls.client_ca: %w", err)
		}
	}
	c.served, c.leaf = served, cert.Leaf
	return nil
}

func readPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, certErr := readSecret(file.New(certFile))
	key, keyErr := readSecret(file.New(keyFile))
	if err := errors.Join(certErr, keyErr); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

func readAuthorities(path string) (*x509.CertPool, error) {
	data, err := readSecret(file.New(path))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate", path)
	}
	return pool, nil
}
