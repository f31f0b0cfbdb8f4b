package gateway

import (
	"context"
	"fmt"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
)

// Upstreams are the upstreams in force, and endpoints that are no longer in the policy file until their last connection
// has ended.
func (g *Gateway) Upstreams(context.Context) (api.Upstreams, error) {
	all := api.Upstreams{Upstreams: []api.Upstream{}}
	place := map[string]int{}
	now, gone := g.served()
	for _, u := range now.upstreams {
		described := api.Upstream{Name: u.Name, Balance: u.cfg.Balance.String(), Endpoints: []api.Endpoint{}, Lookups: g.describeLookups(u)}
		for _, m := range u.set.Members {
			described.Endpoints = append(described.Endpoints, g.describeMember(u, m))
		}
		place[u.Name] = len(all.Upstreams)
		all.Upstreams = append(all.Upstreams, described)
	}
	for _, e := range gone.endpoints {
		i, ok := place[e.of.Name]
		if !ok {
			i = len(all.Upstreams)
			place[e.of.Name] = i
			all.Upstreams = append(all.Upstreams, api.Upstream{Name: e.of.Name, Balance: e.of.cfg.Balance.String(), Lookups: []api.Lookup{}})
		}
		all.Upstreams[i].Endpoints = append(all.Upstreams[i].Endpoints, g.describeEndpoint(upstream.Member{Endpoint: e.Endpoint}))
	}
	return all, nil
}

func (g *Gateway) describeLookups(u *backends) []api.Lookup {
	all := []api.Lookup{}
	for _, q := range queriesOf(u.cfg) {
		known := g.names.Answer(q)
		described := api.Lookup{
			Name: q.Name, Kind: q.Kind.String(), Found: len(known.Targets), LeftOut: known.LeftOut,
			At: orNil(known.At), LastErrorAt: orNil(known.FailedAt), Count: known.Lookups, Failures: known.Failures,
		}
		if known.Err != nil {
			described.Error = known.Err.Error()
		}
		all = append(all, described)
	}
	return all
}

// orNil returns nil for the zero time.
func orNil(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// describeMember describes an endpoint that is in use.
func (g *Gateway) describeMember(u *backends, m upstream.Member) api.Endpoint {
	described := g.describeEndpoint(m)
	described.ByHand = g.describeHand(m.Endpoint)
	described.SlowUntil = g.wall(u.set.SlowUntil(m.Endpoint, g.clock.Now()))
	if !u.cfg.Health.IsZero() {
		described.Check = g.describeCheck(m.Checks())
	}
	return described
}

// describeHand returns nil where nothing is set by hand.
func (g *Gateway) describeHand(e *upstream.Endpoint) *api.ByHand {
	hand := e.Hand()
	described := &api.ByHand{State: hand.State.String(), WeightSince: g.wall(hand.WeightSince), StateSince: g.wall(hand.StateSince)}
	if hand.Weight != 0 {
		described.Weight = &hand.Weight
	}
	if order := e.DrainOrder(); order != drain.None && !e.Removed() {
		described.State, described.StateSince = api.ByHandDrain, g.wall(int64(order.Since))
	}
	if described.Weight == nil && described.State == api.ByHandAuto {
		return nil
	}
	return described
}

func (g *Gateway) describeCheck(c upstream.Checks) *api.Check {
	return &api.Check{
		State: c.State.String(), Since: g.wall(c.Since), At: g.wall(c.At), LastError: c.Failure, LastErrorAt: g.wall(c.FailedAt),
	}
}

// wall returns an instant of the monotonic clock as others know it; nil for 0, which is none.
func (g *Gateway) wall(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	wall := g.clock.Wall(at)
	return &wall
}

func (g *Gateway) describeEndpoint(m upstream.Member) api.Endpoint {
	health := m.Health()
	described := api.Endpoint{
		Address: m.Name, Healthy: m.Healthy(), Draining: m.Draining(), Removed: m.Removed(), Backup: m.Backup, Weight: m.Weight,
		Failures: health.Failures, LastError: health.Failure, Connections: m.Open(), Connects: map[string]uint64{},
	}
	if a := m.Address(); a != nil {
		described.Resolved = a.String()
	}
	if health.Ejected {
		described.EjectedUntil = g.wall(health.Until)
	}
	for result := range upstream.Results {
		described.Connects[result.String()] = m.Attempts(result)
	}
	if result, at, ok := m.Last(); ok {
		described.LastConnect = &api.Attempt{At: g.clock.Wall(at), Result: result.String()}
	}
	return described
}

// DrainEndpoint gives an endpoint no more connections; those that it has end within drain_timeout.
// The error wraps admin.ErrUnknown: there is no such endpoint, or no such upstream.
func (g *Gateway) DrainEndpoint(of, endpoint string) error {
	return g.orderEndpoint(of, endpoint, func(e *upstream.Endpoint) {
		if !e.Draining() {
			e.SetDraining(drain.Order{Since: deadline.Instant(g.clock.Now()), Within: g.current().cfg.Gateway.DrainTimeout})
			g.log.logger.Info("draining an endpoint", "upstream", of, "endpoint", endpoint, "connections", e.Open())
		}
	})
}

// UndrainEndpoint takes DrainEndpoint back. Its error is that of DrainEndpoint.
func (g *Gateway) UndrainEndpoint(of, endpoint string) error {
	return g.orderEndpoint(of, endpoint, func(e *upstream.Endpoint) {
		if e.Draining() {
			e.Undrain()
			g.log.logger.Info("endpoint undrained", "upstream", of, "endpoint", endpoint)
		}
	})
}

func (g *Gateway) orderEndpoint(of, endpoint string, order func(*upstream.Endpoint)) error {
	g.editing.Lock()
	defer g.editing.Unlock()
	e, err := g.current().find(of, endpoint)
	if err != nil {
		return err
	}
	order(e)
	g.reconsider(g.current().upstream(of))
	g.onEach((*relay.Loop).Review)
	return nil
}

// find returns the endpoint of an upstream that the operator names as the policy file does.
func (g *generation) find(of, endpoint string) (*upstream.Endpoint, error) {
	for _, u := range g.upstreams {
		if u.Name != of {
			continue
		}
		for _, m := range u.set.Members {
			if m.Name == endpoint {
				return m.Endpoint, nil
			}
		}
		return nil, fmt.Errorf("endpoint %q of upstream %s is %w", endpoint, of, admin.ErrUnknown)
	}
	return nil, fmt.Errorf("upstream %q is %w", of, admin.ErrUnknown)
}
