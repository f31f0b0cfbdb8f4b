package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/tlsconf"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// backends is an upstream of the policy file and what loops know of it.
type backends struct {
	*relay.Upstream
	cfg *policy.Upstream
	tls *tlsconf.Material // nil: it speaks none
	set *upstream.Set     // that takes over; its members are the endpoints of cfg, in that order
}

// addressBook is what is known of names.
type addressBook interface {
	// Addresses returns the last known addresses of a host, and the error of its last look-up.
	Addresses(host string) ([]netip.Addr, error)
	Answer(q names.Query) names.Answer
}

// compileUpstream makes the endpoints of u: those that old has by their names, and new ones, which may have no address yet. of is what is
// kept of the upstream.
func compileUpstream(u *policy.Upstream, of *relay.Upstream, old *generation, known addressBook) *backends {
	cfg := upstream.Config{
		Balance:        balances[u.Balance],
		MaxConnections: int64(u.MaxConnections),
		Eject:          upstream.Eject{Failures: u.Eject.Failures, For: u.Eject.For},
		SlowStart:      u.SlowStart,
		Sources:        sourcesOf(u),
		After:          of.Endpoints(),
	}
	for _, e := range u.Endpoints {
		endpoint := old.endpoint(u.Name, e.Address.String())
		if endpoint == nil {
			endpoint = of.NewEndpoint(e.Address.String())
			if at := locate(e.Address, nil, known); at != nil {
				endpoint.Move(*at)
			}
		}
		cfg.Members = append(cfg.Members, upstream.Member{Endpoint: endpoint, Weight: cmp.Or(endpoint.Hand().Weight, e.Weight), Backup: e.Backup})
	}
	if !u.DNS.IsZero() {
		cfg.Members = discovered(u, of, old, known)
	}
	return &backends{Upstream: of, cfg: u, set: upstream.New(cfg)}
}

// takeOver has attempts to connect go by what u says.
func (u *backends) takeOver() {
	u.SetContact(relay.Contact{Endpoints: u.set, TLS: u.tlsFor(), ProxyVersion: proxyVersions[u.cfg.ProxyProtocol]})
}

// proxyVersions are those of the headers that a backend gets; 0: none.
var proxyVersions = [...]int{policy.ProxyV1: 1, policy.ProxyV2: 2}

// relocated returns u with the endpoints and addresses that are known now, and all else as it is.
func (u *backends) relocated(old *generation, known addressBook) *backends {
	now := *u
	now.set = compileUpstream(u.cfg, u.Upstream, old, known).set
	return &now
}

// keptUpstream returns what old has of an upstream, and something new where it has nothing.
func keptUpstream(name string, old *generation, loops int) *relay.Upstream {
	if kept := old.knownUpstream(name); kept != nil {
		return kept
	}
	return relay.NewUpstream(name, loops)
}

var balances = [...]upstream.Balance{
	policy.LeastConnections: upstream.LeastConnections,
	policy.RoundRobin:       upstream.RoundRobin,
	policy.Random:           upstream.Random,
	policy.SourceHash:       upstream.SourceHash,
}

// locate returns where an endpoint is that was at before: there as long as its name stands for that among others, as where a
// name server gives them in turn, and else at the first of them. Nil: that is not known.
func locate(a policy.Address, before *reactor.Address, known addressBook) *reactor.Address {
	if a.IsUnix() {
		address, err := reactor.Unix(a.Path)
		if err != nil { // the policy lets no such path through
			return nil
		}
		return &address
	}
	found := []netip.Addr{}
	if ip, err := netip.ParseAddr(a.Host); err == nil {
		found = append(found, ip)
	} else {
		found, _ = known.Addresses(a.Host)
	}
	var all []reactor.Address
	for _, ip := range found {
		all = append(all, reactor.TCP(netip.AddrPortFrom(ip, a.Port)))
	}
	if len(all) == 0 {
		return before
	}
	if before != nil && slices.ContainsFunc(all, func(a reactor.Address) bool { return a.String() == before.String() }) {
		return before
	}
	return &all[0]
}

// queries are the names of a policy's upstreams that have to be looked up.
func queries(cfg *policy.Config) (all []names.Query) {
	for _, u := range cfg.Upstreams {
		for _, q := range queriesOf(u) {
			if !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	return all
}

// queriesOf are those of one upstream.
func queriesOf(u *policy.Upstream) (all []names.Query) {
	for _, e := range u.Endpoints {
		if q := names.Host(e.Address.Host); isName(e.Address) && !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	if !u.DNS.IsZero() {
		all = append(all, discovery(u))
	}
	return all
}

func isName(a policy.Address) bool {
	_, err := netip.ParseAddr(a.Host)
	return !a.IsUnix() && err != nil
}

func (g *Gateway) newNames() *names.Table {
	cfg := names.Config{Lookup: g.cfg.lookup, Discover: g.cfg.discover, Changed: g.onNews}
	if cfg.Lookup == nil {
		cfg.Lookup = names.System
	}
	if cfg.Discover == nil {
		cfg.Discover = names.Discover
	}
	return names.New(cfg)
}

// patience is how long an edit, or a start, waits for the first answer about new names. What comes later is used then.
const patience = 3 * time.Second

// learn follows the names of a policy, and waits for what is said of new ones, until ctx ends at most.
func (g *Gateway) learn(ctx context.Context, cfg *policy.Config) {
	g.names.Follow(queries(cfg))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g.names.Wait(ctx)
}

// adoptEndpoints is called when a generation has taken over.
func (g *Gateway) adoptEndpoints() {
	now := g.current()
	g.names.Keep(queries(now.cfg))
	g.readdress("")
	for _, u := range now.upstreams {
		for _, m := range u.set.Members {
			if !u.set.Ejects() && m.Reinstate() {
				g.log.health(relay.Health{Upstream: u.Name, Endpoint: m.Name, Event: relay.EndpointBack})
			}
		}
		g.reconsider(u.Upstream)
	}
	g.followHealth()
}

// sourcesOf are the addresses to connect from.
func sourcesOf(u *policy.Upstream) *upstream.Sources {
	var all []reactor.Address
	for _, ip := range u.Sources {
		all = append(all, reactor.TCP(netip.AddrPortFrom(ip, 0)))
	}
	return upstream.NewSources(all)
}

// reconsider logs whether an upstream has a healthy endpoint, where that has changed.
func (g *Gateway) reconsider(u *relay.Upstream) {
	if news, changed := u.Reconsider(); changed {
		g.log.health(news)
	}
}

// readdress gives the endpoints of a host, or of all for "", the address that is known now.
func (g *Gateway) readdress(host string) {
	g.addressing.Lock()
	defer g.addressing.Unlock()
	for _, u := range g.current().upstreams {
		for i, e := range u.cfg.Endpoints {
			if m := u.set.Members[i]; isName(e.Address) && (host == "" || e.Address.Host == host) {
				g.move(u, m.Endpoint, locate(e.Address, m.Address(), g.names))
			}
		}
	}
}

func (g *Gateway) move(of *backends, e *upstream.Endpoint, to *reactor.Address) {
	from := ""
	if before := e.Address(); before != nil {
		from = before.String()
	}
	if to == nil || !e.Move(*to) {
		return
	}
	g.log.logger.Info("endpoint has another address", "upstream", of.Name, "endpoint", e.Name, "from", from, "to", to.String())
	g.reconsider(of.Upstream)
}

// onNews hears of a look-up that has brought news. A generation that is only being made asks the table itself.
func (g *Gateway) onNews(q names.Query, news names.News) {
	g.mu.Lock()
	now := g.generation
	g.mu.Unlock()
	if now == nil || !slices.Contains(queries(now.cfg), q) {
		return
	}
	g.logNews(q, news)
	if q.Kind == names.Addresses {
		g.readdress(q.Name)
		return
	}
	g.rediscover(q)
}

func (g *Gateway) logNews(q names.Query, news names.News) {
	known := g.names.Answer(q)
	switch {
	case news == names.Failing && known.Err != nil && len(known.Targets) == 0:
		g.log.logger.Warn("name does not resolve: it has no address yet", "name", q.Name, "error", known.Err)
	case news == names.Failing && known.Err != nil:
		g.log.logger.Warn("name does not resolve: what was last known of it stays", "name", q.Name, "error", known.Err)
	case news == names.Resolving:
		g.log.logger.Info("name resolves again", "name", q.Name)
	}
	if known.LeftOut > 0 {
		g.log.logger.Warn("name has more addresses than an upstream can have endpoints", "name", q.Name,
			"endpoints", len(known.Targets), "left_out", known.LeftOut)
	}
}

// unresolved are the warnings about names of endpoints that do not resolve.
func (g *Gateway) unresolved() (all []string) {
	for _, u := range g.current().upstreams {
		if text := g.undiscovered(u); text != "" {
			all = append(all, text)
		}
		for i, e := range u.cfg.Endpoints {
			if !isName(e.Address) {
				continue
			}
			_, err := g.names.Addresses(e.Address.Host)
			if err == nil {
				continue
			}
			fate := "it has no address, and gets no connections until it resolves"
			if at := u.set.Members[i].Address(); at != nil {
				fate = "its last known address stays, " + at.String()
			}
			all = append(all, fmt.Sprintf("endpoint %s of upstream %s: %v; %s", e.Address, u.Name, err, fate))
		}
	}
	return all
}
