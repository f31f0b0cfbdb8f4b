package tlsconf

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// soon is how long before a certificate expires that is worth a warning: those that are valid for 90 days are renewed 30 days
// before.
const soon = 14 * 24 * time.Hour

// weakRSA is the size in bits below which clients refuse an RSA key.
const weakRSA = 2048

// Warnings returns what is likely to be wrong with files that can be used, as an *Error each.
func (m *Material) Warnings(now time.Time) (all []*Error) {
	c := m.now.Load()
	for i, p := range m.cfg.Pairs {
		for _, text := range certificateWarnings(c, i, now) {
			all = append(all, &Error{m.cfg.at(p.At, "cert"), fmt.Errorf("the certificate in %s %s", p.Cert.Path, text)})
		}
	}
	if text := authorityWarning(c.roots, now); text != "" {
		all = append(all, &Error{m.cfg.at(m.cfg.CAKey), fmt.Errorf("%s %s", m.cfg.CA.Path, text)})
	}
	return all
}

func certificateWarnings(c *contents, i int, now time.Time) (all []string) {
	leaf, expires := c.leaves[i], c.expires[i]
	switch {
	case now.Before(leaf.NotBefore):
		all = append(all, "is not valid before "+date(leaf.NotBefore))
	case !now.Before(expires):
		all = append(all, "has expired, or one that came along, on "+date(expires))
	case expires.Sub(now) < soon:
		all = append(all, "expires, or one that came along, on "+date(expires))
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < weakRSA {
		all = append(all, fmt.Sprintf("has an RSA key of %d bits; clients want %d", key.N.BitLen(), weakRSA))
	}
	chain := c.config.Certificates[i].Certificate
	if len(chain) > 1 {
		if next, err := x509.ParseCertificate(chain[1]); err == nil && leaf.CheckSignatureFrom(next) != nil {
			all = append(all, "is followed by one that has not signed it")
		}
	}
	return all
}

// authorityWarning says why nobody could be verified.
func authorityWarning(roots []*x509.Certificate, now time.Time) string {
	expired, signs := 0, 0
	for _, cert := range roots {
		if cert.IsCA || cert.Version < 3 || cert.CheckSignatureFrom(cert) == nil {
			signs++
		}
		if now.After(cert.NotAfter) {
			expired++
		}
	}
	switch {
	case len(roots) == 0:
	case expired == len(roots):
		return "has only authorities that have expired"
	case signs == 0:
		return "has no certificate of an authority"
	}
	return ""
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
