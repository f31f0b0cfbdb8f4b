package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// backends is an upstream of the policy file and what loops know of it.
type backends struct {
	*relay.Upstream
	cfg *policy.Upstream
	set *upstream.Set // that takes over; its members are the endpoints of cfg, in that order
}

// addressBook is what is known of names.
type addressBook interface {
	// Addresses returns the last known addresses of a host, and the error of its last look-up.
	Addresses(host string) ([]netip.Addr, error)
}

// compileUpstream makes the endpoints of u: those that old has by their names, and new ones, which may have no address yet.
func compileUpstream(u *policy.Upstream, old *generation, loops int, known addressBook) *backends {
	kept := old.knownUpstream(u.Name)
	if kept == nil {
		kept = relay.NewUpstream(u.Name, loops)
	}
	cfg := upstream.Config{
		Balance:        balances[u.Balance],
		MaxConnections: int64(u.MaxConnections),
		Eject:          upstream.Eject{Failures: u.Eject.Failures, For: u.Eject.For},
		SlowStart:      u.SlowStart,
		Sources:        sourcesOf(u),
		After:          kept.Endpoints(),
	}
	for _, e := range u.Endpoints {
		endpoint := old.endpoint(u.Name, e.Address.String())
		if endpoint == nil {
			endpoint = kept.NewEndpoint(e.Address.String())
			if at := locate(e.Address, nil, known); at != nil {
				endpoint.Move(*at)
			}
		}
		cfg.Members = append(cfg.Members, upstream.Member{Endpoint: endpoint, Weight: e.Weight, Backup: e.Backup})
	}
	return &backends{kept, u, upstream.New(cfg)}
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

// hosts are the names of a policy's endpoints that have to be looked up.
func hosts(cfg *policy.Config) (all []string) {
	for _, u := range cfg.Upstreams {
		for _, e := range u.Endpoints {
			if host := e.Address.Host; isName(e.Address) && !slices.Contains(all, host) {
				all = append(all, host)
			}
		}
	}
	return all
}

func isName(a policy.Address) bool {
	_, err := netip.ParseAddr(a.Host)
	return !a.IsUnix() && err != nil
}

func (g *Gateway) newNames() *names.Table {
	lookup := g.cfg.lookup
	if lookup == nil {
		lookup = names.System
	}
	return names.New(names.Config{Lookup: lookup, Changed: g.onNews})
}

// patience is how long an edit, or a start, waits for the first answer about new names. What comes later is used then.
const patience = 3 * time.Second

// learn has the names of a policy followed, and waits for what is said of new ones, until ctx ends at most.
func (g *Gateway) learn(ctx context.Context, cfg *policy.Config) {
	g.names.Follow(hosts(cfg))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g.names.Wait(ctx)
}

// adoptEndpoints is called when a generation has taken over.
func (g *Gateway) adoptEndpoints() {
	now := g.current()
	g.names.Keep(hosts(now.cfg))
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
func (g *Gateway) onNews(host string, news names.News) {
	g.mu.Lock()
	now := g.generation
	g.mu.Unlock()
	if now == nil || !slices.Contains(hosts(now.cfg), host) {
		return
	}
	switch known, err := g.names.Addresses(host); {
	case news == names.Failing && err != nil && len(known) == 0:
		g.log.logger.Warn("name does not resolve: it has no address yet", "name", host, "error", err)
	case news == names.Failing && err != nil:
		g.log.logger.Warn("name does not resolve: its last known address stays", "name", host, "error", err)
	case news == names.Resolving:
		g.log.logger.Info("name resolves again", "name", host)
	}
	g.readdress(host)
}

// unresolved are the warnings about names of endpoints that do not resolve.
func (g *Gateway) unresolved() (all []string) {
	for _, u := range g.current().upstreams {
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
