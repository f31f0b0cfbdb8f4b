package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"idlegate/gateway/internal/file"
	"idlegate/gateway/internal/relay"
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

// keep looks at the files that a generation names.
func (c *certificates) keep(g *generation) {
	all := g.materials()
	if c.admin != nil {
		all = append(all, c.admin)
	}
	c.keeper.Keep(all)
}

// materials are what routes and upstreams show and trust.
func (g *generation) materials() (all []*tlsconf.Material) {
	for _, r := range g.routes {
		if r.tls != nil {
			all = append(all, r.tls)
		}
	}
	for _, u := range g.upstreams {
		if u.tls != nil {
			all = append(all, u.tls)
		}
	}
	return all
}

// material is what cfg says, which is the one before where that said the same of the same files.
func material(cfg tlsconf.Config, before *tlsconf.Material) (*tlsconf.Material, error) {
	if before.Made(cfg) {
		return before, nil
	}
	return tlsconf.New(cfg)
}

// routeTLS is what a route, at an index of the policy file, shows and trusts.
func routeTLS(i int, t *policy.RouteTLS) tlsconf.Config {
	cfg := tlsconf.Config{
		At: fmt.Sprintf("routes[%d].tls", i), CA: fileOf(t.ClientCA), CAKey: "client_ca", ALPN: t.ALPN, MinVersion: tlsVersions[t.MinVersion],
	}
	if !t.Cert.IsZero() {
		cfg.Pairs = append(cfg.Pairs, tlsconf.Pair{Cert: fileOf(t.Cert), Key: fileOf(t.Key)})
	}
	for i, p := range t.Certificates {
		cfg.Pairs = append(cfg.Pairs, tlsconf.Pair{Cert: fileOf(p.Cert), Key: fileOf(p.Key), At: fmt.Sprintf("certificates[%d]", i)})
	}
	return cfg
}

// upstreamTLS is what the gateway shows to endpoints of an upstream, and trusts of them.
func upstreamTLS(u *policy.Upstream) tlsconf.Config {
	t := &u.TLS
	cfg := tlsconf.Config{
		At: "upstreams." + u.Name + ".tls", CA: fileOf(t.CA), CAKey: "ca", ALPN: t.ALPN, MinVersion: tlsVersions[t.MinVersion],
		Client: true, ServerName: t.ServerName,
	}
	if cfg.ServerName == "" {
		cfg.ServerName = u.DNS.Name // its endpoints are addresses
	}
	if !t.Cert.IsZero() {
		cfg.Pairs = append(cfg.Pairs, tlsconf.Pair{Cert: fileOf(t.Cert), Key: fileOf(t.Key)})
	}
	return cfg
}

var tlsVersions = [...]uint16{policy.TLS12: tls.VersionTLS12, policy.TLS13: tls.VersionTLS13}

// readTLS reads what the upstream shows and trusts.
func (u *backends) readTLS(old *generation) (err error) {
	if !u.cfg.TLS.On {
		return nil
	}
	u.tls, err = material(upstreamTLS(u.cfg), old.upstreamMaterial(u.Name))
	return err
}

// upstreamMaterial is what an upstream shows and trusts, nil for nothing.
func (g *generation) upstreamMaterial(name string) *tlsconf.Material {
	if g == nil {
		return nil
	}
	for _, u := range g.upstreams {
		if u.Name == name {
			return u.tls
		}
	}
	return nil
}

// tlsFor is how TLS is spoken to the upstream; nil: it is not.
func (u *backends) tlsFor() relay.TLSFor {
	if u.tls == nil {
		return nil
	}
	return func(endpoint string) *tls.Config { return u.tls.For(hostOf(endpoint)) }
}

// hostOf returns the host of an endpoint by its name, which is the address in the words of the policy.
func hostOf(endpoint string) string {
	a, err := policy.ParseAddress(endpoint)
	if err != nil {
		return endpoint
	}
	return a.Host
}

// watch looks at the files until the returned function is called.
func (c *certificates) watch(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		c.keeper.Watch(ctx, func(ctx context.Context) file.Ticks { return newTicks(ctx, lookAtCertificates, phaseCertificates) })
	})
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
