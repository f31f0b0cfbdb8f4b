package prometheus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"idlegate/deploy/internal/lab"
)

const day = 24 * time.Hour

// expiring has a certificate put in place that is valid for ten days, and another for one.
func (s *stage) expiring() fault {
	dir := s.TempDir()
	put := func(soon, now time.Duration) {
		s.certificate(dir, "soon", soon)
		s.certificate(dir, "now", now)
	}
	put(300*day, 300*day)
	const keys = `, tls: {certificates: [{cert: soon.pem, key: soon.key}, {cert: now.pem, key: now.key}]}`
	s.gatewayIn(dir, "expiring", lab.GatewayConfig{Policy: lines("any", patient, keys, lab.StartBackend(s).Address)})
	return fault{
		job:     "expiring",
		provoke: func() { put(10*day, day) },
		mend:    func() { put(300*day, 300*day) },
		fires: []expected{
			{"IdlegateCertificateExpiring", map[string]string{"certificate": "soon.pem"}},
			{"IdlegateCertificateAboutToExpire", map[string]string{"certificate": "now.pem"}},
		},
	}
}

// certificate writes a certificate, and its key, that are valid for so long.
func (s *stage) certificate(dir, name string, valid time.Duration) {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name + ".example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: certificate}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			s.Fatal(err)
		}
	}
}
