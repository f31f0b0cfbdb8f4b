package gateway

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/names"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// discovery is what an upstream with a name for its endpoints has looked up.
func discovery(u *policy.Upstream) names.Query {
	if u.DNS.SRV != "" {
		return names.Query{Kind: names.SRV, Name: u.DNS.SRV, Every: u.DNS.Every}
	}
	return names.Query{Kind: names.Every, Name: u.DNS.Name, Every: u.DNS.Every}
}

// discovered are the endpoints that a name stands for now: those that old has by their addresses, and new ones.
func discovered(u *policy.Upstream, of *relay.Upstream, old *generation, known addressBook) (all []upstream.Member) {
	for _, t := range known.Answer(discovery(u)).Targets {
		at := reactor.TCP(netip.AddrPortFrom(t.Address.Addr(), cmp.Or(t.Address.Port(), u.DNS.Port)))
		e := old.endpoint(u.Name, at.String())
		if e == nil {
			e = of.NewEndpoint(at.String())
			e.Move(at)
		}
		all = append(all, upstream.Member{Endpoint: e, Weight: cmp.Or(e.Hand().Weight, max(1, t.Weight)), Backup: t.Backup})
	}
	return all
}

// rediscover follows the endpoints that a name stands for: a generation takes over that is the one in force but for them. The
// connections of one that has gone drain, and are taken back when it comes back meanwhile.
func (g *Gateway) rediscover(q names.Query) {
	g.editing.Lock()
	defer g.editing.Unlock()
	for _, u := range g.current().upstreams {
		if !u.cfg.DNS.IsZero() && discovery(u.cfg) == q {
			g.exchange(u)
		}
	}
}

// exchange makes the endpoints of an upstream in force again. It is called with editing held.
func (g *Gateway) exchange(u *backends) {
	old := g.current().inUse()
	next := *old
	now := u.relocated(old, g.names)
	next.upstreams = slices.Clone(old.upstreams)
	next.upstreams[slices.Index(old.upstreams, u)] = now
	e := &edit{gateway: g, old: old, next: &next}
	since := deadline.Instant(g.clock.Now())
	gone := e.goneEndpoints(drain.Order{Since: since, Within: next.cfg.Gateway.DrainTimeout})
	next.gone = old.gone.without(&next).and(departed{endpoints: gone})
	review := slices.ContainsFunc(gone, func(one goneEndpoint) bool { return one.Open() > 0 }) || slices.ContainsFunc(now.set.Members, removed)
	e.undrainBack(since)
	now.takeOver()
	g.mu.Lock()
	g.generation = &next
	g.mu.Unlock()
	e.tellOfEndpoints(now, gone)
	g.reconsider(u.Upstream)
	g.followHealth()
	for _, l := range g.loops {
		if review { // which looks at every connection
			l.Post(l.Review) // a loop that does not run yet has none
		}
	}
}

func removed(m upstream.Member) bool { return m.Removed() }

// mostTold is how many endpoints that have come, or gone, at once have a line each in the log.
const mostTold = 10

// tellOfEndpoints logs which endpoints have come and gone.
func (e *edit) tellOfEndpoints(now *backends, gone []goneEndpoint) {
	logger := e.gateway.log.logger
	come := slices.DeleteFunc(slices.Clone(now.set.Members), func(m upstream.Member) bool { return e.old.has(m.Endpoint) })
	for _, m := range come[:min(len(come), mostTold)] {
		logger.Info("endpoint has come", "upstream", now.Name, "endpoint", m.Name)
	}
	for _, g := range gone[:min(len(gone), mostTold)] {
		logger.Info("endpoint has gone", "upstream", now.Name, "endpoint", g.Name, "connections", g.Open())
	}
	if len(come) > mostTold || len(gone) > mostTold {
		logger.Info("more endpoints have come or gone", "upstream", now.Name, "come", len(come), "gone", len(gone), "endpoints", len(now.set.Members))
	}
}

// undiscovered warns of an upstream whose name does not resolve; "": it does.
func (g *Gateway) undiscovered(u *backends) string {
	if u.cfg.DNS.IsZero() {
		return ""
	}
	known := g.names.Answer(discovery(u.cfg))
	if known.Err == nil {
		return ""
	}
	fate := "it has no endpoint until that resolves"
	if n := len(known.Targets); n > 0 {
		fate = fmt.Sprintf("its %d last known stay", n)
	}
	return fmt.Sprintf("endpoints of upstream %s: %v; %s", u.Name, known.Err, fate)
}
