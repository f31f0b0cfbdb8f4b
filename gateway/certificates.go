package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"idlegate/gateway/internal/tlsconf"
	"idlegate/metrics"
	"idlegate/policy"
)

// lookAtCertificates is the time between looks at the files of certificates.
const lookAtCertificates = time.Second

// certificates are those of the policy file, which take over when their files are exchanged.
type certificates struct {
	// Set once, then read only.
	keeper *tlsconf.Keeper
	admin  *tlsconf.Material // nil: the admin server speaks plain HTTP

	mu     sync.Mutex
	unread map[*tlsconf.Material]unusable // Guarded by mu; those whose files have changed and cannot be used.
}

// unusable says why the files of a Material cannot be used.
type unusable struct {
	of, why string
	since   time.Time
}

func newCertificates(logger *slog.Logger) *certificates {
	c := &certificates{unread: map[*tlsconf.Material]unusable{}}
	c.keeper = tlsconf.NewKeeper(tlsconf.Events{
		Exchanged: func(m *tlsconf.Material) {
			c.mu.Lock()
			delete(c.unread, m)
			c.mu.Unlock()
			logger.Info("certificates were exchanged", "of", m.At(), "expires", soonest(m.Expiries()))
		},
		Refused: func(m *tlsconf.Material, err error) {
			since := time.Now()
			c.mu.Lock()
			if before, known := c.unread[m]; known {
				since = before.since
			}
			c.unread[m] = unusable{m.At(), oneLine(err), since}
			c.mu.Unlock()
			logger.Warn("certificates stay as they were: their files cannot be used", "of", m.At(), "error", oneLine(err))
		},
	})
	return c
}

// unusable are the files in force that have changed and cannot be used.
func (c *certificates) unusable() (all []unusable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.keeper.Kept() {
		if u, known := c.unread[m]; known {
			all = append(all, u)
		}
	}
	return all
}

// soonest returns when the first of them expires, the zero time for none.
func soonest(all []tlsconf.Expiry) (at time.Time) {
	for _, e := range all {
		if at.IsZero() || e.At.Before(at) {
			at = e.At
		}
	}
	return at
}

// oneLine is for an error of several files.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// keep has the files looked at.
func (c *certificates) keep() {
	var all []*tlsconf.Material
	if c.admin != nil {
		all = append(all, c.admin)
	}
	c.keeper.Keep(all)
}

// watch looks at the files until the returned function is called.
func (c *certificates) watch(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { c.keeper.Watch(ctx, lookAtCertificates) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// expiries are those of all certificates in force, each name once.
func (c *certificates) expiries() []metrics.Certificate {
	var all []metrics.Certificate
	for _, m := range c.keeper.Kept() {
		for _, e := range m.Expiries() {
			i := slices.IndexFunc(all, func(known metrics.Certificate) bool { return known.Name == e.Certificate })
			if i < 0 {
				all = append(all, metrics.Certificate{Name: e.Certificate, Expires: e.At})
			} else if e.At.Before(all[i].Expires) {
				all[i].Expires = e.At
			}
		}
	}
	slices.SortFunc(all, func(a, b metrics.Certificate) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// adminTLS is what the admin server shows and trusts.
func adminTLS(t policy.AdminTLS) tlsconf.Config {
	return tlsconf.Config{
		At: "admin.tls", Pairs: []tlsconf.Pair{{Cert: fileOf(t.Cert), Key: fileOf(t.Key)}}, CA: fileOf(t.ClientCA), CAKey: "client_ca",
		ALPN: []string{"h2", "http/1.1"},
	}
}

func fileOf(f policy.File) tlsconf.File { return tlsconf.File{Path: f.Path, Name: f.String()} }

// serving is for a server: each handshake gets the certificates in force.
func serving(m *tlsconf.Material) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return m.TLS(), nil
	}}
}
