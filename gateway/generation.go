package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
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

// compile makes the generation that follows old, which may be nil, for so many loops. New endpoints get the addresses that are
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

// bindings are the listeners of all routes, each with those that share it.
func (g *generation) bindings() (all []relay.Binding) {
	sharing := map[*reactor.Listener][]*route{}
	for _, r := range g.routes {
		for _, l := range r.listeners {
			if sharing[l] == nil {
				all = append(all, relay.Binding{Listener: l})
			}
			sharing[l] = append(sharing[l], r)
		}
	}
	for i := range all {
		all[i].Routes = candidates(sharing[all[i].Listener])
	}
	return all
}

// addresses are where a route listens, with the ports that the kernel chose.
func (r *route) addresses() (all []string) {
	if r == nil {
		return nil
	}
	for _, l := range r.listeners {
		all = append(all, l.String())
	}
	return all
}

// listen gives the routes their listeners: those that old has at the same addresses, and for others new ones, which it
// returns. Routes at the same address share one, unless the kernel chooses the port. Where one cannot be bound, it closes the new
// ones again.
func (g *generation) listen(old *generation, resolve resolver) (opened []*reactor.Listener, err error) {
	kept, shared := old.bound(), map[policy.Address]*reactor.Listener{}
	for _, r := range g.routes {
		for _, a := range r.cfg.Listen {
			if l := shared[a]; l != nil {
				r.listeners = append(r.listeners, l)
				continue
			}
			l, isNew, err := listenAt(a, kept, resolve, r.SocketOptions())
			if err != nil {
				closeAll(opened)
				g.forgetListeners()
				return nil, fmt.Errorf("route %s: %w", r.Name, err)
			}
			if isNew {
				opened = append(opened, l)
			}
			r.listeners = append(r.listeners, l)
			if a.IsUnix() || a.Port != 0 {
				shared[a] = l
			}
		}
	}
	return opened, nil
}

// listenAt takes a listener off kept, or makes a new one.
func listenAt(a policy.Address, kept map[policy.Address][]*reactor.Listener, resolve resolver, o reactor.Options) (l *reactor.Listener, isNew bool, err error) {
	if old := kept[a]; len(old) > 0 {
		kept[a] = old[1:]
		return old[0], false, nil
	}
	l, err = resolve.listen(a, o)
	return l, true, err
}

func (g *generation) forgetListeners() {
	for _, r := range g.routes {
		r.listeners = nil
	}
}

func closeAll(listeners []*reactor.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// bound are the listeners by address. Several can have the same where the kernel chooses the port.
func (g *generation) bound() map[policy.Address][]*reactor.Listener {
	all := map[policy.Address][]*reactor.Listener{}
	if g == nil {
		return all
	}
	for _, r := range g.routes {
		for i, a := range r.cfg.Listen {
			if !slices.Contains(all[a], r.listeners[i]) { // else another route shares it
				all[a] = append(all[a], r.listeners[i])
			}
		}
	}
	return all
}
