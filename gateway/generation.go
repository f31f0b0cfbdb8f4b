package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/tlsconf"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// generation is one policy file in the form that loops use. It is made whole before it takes over, and never changed: what
// outlives it (stats of routes, upstreams, endpoints, listeners) it shares with the one before.
type generation struct {
	number    uint64
	since     time.Time
	cfg       *policy.Config
	routes    []*route    // in the order of the file
	upstreams []*backends // in the order of the file
	gone      departed    // what earlier files had and this one has not

	inForce *policy.Config  // cfg, but for what waits for a restart
	pending []policy.Change // that wait for a restart
	before  *policy.Config  // the policy of the generation before, which may be asked for again; nil: there was none
	hash    uint64          // of inForce
}

// route is a route of the policy file and what loops know of it.
type route struct {
	*relay.Route
	cfg       *policy.Route
	since     time.Time           // since when it has been counted
	listeners []*reactor.Listener // as cfg.Listen
	checks    *relay.RouteStats   // of health checks of proxies; nil: it accepts no PROXY headers, and never did
	tls       *tlsconf.Material   // nil: it speaks none
}

// followTLS reads what r, at an index of the policy file, shows and trusts.
func (r *route) followTLS(i int, before *route) (err error) {
	if !r.cfg.TLS.IsOn() {
		return nil
	}
	var same *tlsconf.Material
	if before != nil {
		same = before.tls
	}
	if r.tls, err = material(routeTLS(i, &r.cfg.TLS), same); err == nil {
		r.TLS = r.tls.TLS
		if r.Check != nil {
			r.Check.TLS = r.TLS
		}
	}
	return err
}

// compile makes the generation that follows old, which may be nil, for a number of loops. New endpoints get the addresses that are
// known. Nothing that old has is changed; the routes have no listeners yet.
func compile(cfg *policy.Config, old *generation, loops int, known addressBook) (*generation, error) {
	g := &generation{number: 1, since: time.Now(), cfg: cfg}
	if old != nil {
		g.number = old.number + 1
	}
	for _, u := range cfg.Upstreams {
		made := compileUpstream(u, keptUpstream(u.Name, old, loops), old, known)
		if err := made.readTLS(old); err != nil {
			return nil, err
		}
		g.upstreams = append(g.upstreams, made)
	}
	for _, r := range cfg.Routes {
		made, err := g.compileRoute(r, old, loops)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		if err := made.followTLS(len(g.routes), old.known(r.Name)); err != nil {
			return nil, err
		}
		g.routes = append(g.routes, made)
	}
	return g, nil
}

func (g *generation) compileRoute(r *policy.Route, old *generation, loops int) (*route, error) {
	made := &route{cfg: r, since: g.since}
	stats, pinned := (*relay.RouteStats)(nil), (*relay.Pinned)(nil)
	if before := old.known(r.Name); before != nil {
		stats, made.since, made.checks = before.RouteStats, before.since, before.checks
		if samePinned(before.cfg, r) && before.Upstream == g.upstream(r.Upstream.Name) {
			pinned = before.Pinned
		}
	}
	if stats == nil {
		stats = relay.NewRouteStats(r.Name, loops)
	}
	var err error
	if pinned == nil {
		if pinned, err = compilePinned(r, g.upstream(r.Upstream.Name)); err != nil {
			return nil, err
		}
	}
	if made.Route, err = compileRoute(r, stats, pinned); err != nil {
		return nil, err
	}
	if made.checks == nil && len(r.AcceptProxyProtocol.From) > 0 {
		made.checks = relay.NewCheckStats(r.Name, loops)
	}
	if made.checks != nil { // also where none are accepted any more: some may still be open
		made.SetCheck(made.checks)
	}
	return made, nil
}

// route returns the route of that name, nil if there is none.
func (g *generation) route(name string) *route {
	if g == nil {
		return nil
	}
	for _, r := range g.routes {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// inUse returns g as the next generation follows it: of what has gone, what still has connections.
func (g *generation) inUse() *generation {
	now := *g
	now.gone = g.gone.inUse()
	return &now
}

// known returns the route of that name, or the one whose connections still drain.
func (g *generation) known(name string) *route {
	if r := g.route(name); g == nil || r != nil {
		return r
	}
	return g.gone.route(name)
}

// knownUpstream returns the upstream of that name, or the one that is kept for connections which still drain.
func (g *generation) knownUpstream(name string) *relay.Upstream {
	if u := g.upstream(name); g == nil || u != nil {
		return u
	}
	return g.gone.upstream(name)
}

// follow completes a generation that was made from its file: it counts as another one than old, which may be nil, only if the
// file has changed. start is the policy that the gateway was started with.
func (g *generation) follow(old *generation, start *policy.Config) {
	if old != nil {
		g.before = old.cfg
		if len(policy.Diff(old.cfg, g.cfg)) == 0 {
			g.number, g.since, g.before = old.number, old.since, old.before
		}
	}
	g.inForce = g.cfg.UntilRestart(start)
	g.pending = policy.Diff(g.inForce, g.cfg)
	g.hash = hashOf(g.inForce)
}

const hashBits = 48 // a metric is a float64, which has 53

// hashOf is the same for two policies that say the same.
func hashOf(cfg *policy.Config) uint64 {
	sum := sha256.Sum256(cfg.YAML())
	return binary.BigEndian.Uint64(sum[:]) >> (64 - hashBits)
}

// upstream returns the upstream of that name, nil if there is none.
func (g *generation) upstream(name string) *relay.Upstream {
	if g == nil {
		return nil
	}
	for _, u := range g.upstreams {
		if u.Name == name {
			return u.Upstream
		}
	}
	return nil
}

// endpoint returns the endpoint that an upstream has by that name, be it one whose connections still drain; nil: there is none.
func (g *generation) endpoint(of, name string) *upstream.Endpoint {
	if g == nil {
		return nil
	}
	for _, u := range g.upstreams {
		for _, m := range u.set.Members {
			if u.Name == of && m.Name == name {
				return m.Endpoint
			}
		}
	}
	for _, e := range g.gone.endpoints {
		if e.of.Name == of && e.Name == name {
			return e.Endpoint
		}
	}
	return nil
}

// has reports whether e is an endpoint of an upstream.
func (g *generation) has(e *upstream.Endpoint) bool {
	for _, u := range g.upstreams {
		for _, own := range u.set.Members {
			if own.Endpoint == e {
				return true
			}
		}
	}
	return false
}
