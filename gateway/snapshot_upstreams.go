package gateway

import (
	"context"
	"slices"

	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
	"idlegate/metrics"
)

// upstreamFigures are those of the upstreams in force, and of endpoints that are no longer in the policy file until their
// last connection has ended.
func (g *Gateway) upstreamFigures(ctx context.Context, now *generation, gone []goneEndpoint) (all []metrics.Upstream, err error) {
	known := slices.Clone(now.upstreams)
	for _, e := range slices.Backward(gone) { // the latest first: its upstream, and its counts, are those that count
		same := func(u *backends) bool { return u.Name == e.of.Name }
		if !slices.ContainsFunc(known, same) {
			known = append(known, &backends{Upstream: e.of.Upstream, cfg: e.of.cfg, set: upstream.New(upstream.Config{})})
		}
	}
	times, err := ask(ctx, g, "its figures", func(l *relay.Loop) []metrics.Histogram {
		copied := make([]metrics.Histogram, len(known))
		for i, u := range known {
			copied[i] = l.ConnectTimes(u.Upstream)
		}
		return copied
	})
	if err != nil {
		return nil, err
	}
	for i, u := range known {
		figures := metrics.Upstream{Name: u.Name, Retries: u.Retries(), Lookups: g.lookupFigures(u)}
		for _, loop := range times {
			figures.Connect.Add(&loop[i])
		}
		for _, m := range u.set.Members {
			addEndpoint(&figures, m.Endpoint)
		}
		for _, e := range slices.Backward(gone) {
			if e.of.Name == u.Name {
				addEndpoint(&figures, e.Endpoint)
			}
		}
		all = append(all, figures)
	}
	return all, nil
}

// lookupFigures are those of an upstream's names; nil where it has none.
func (g *Gateway) lookupFigures(u *backends) *metrics.Lookups {
	all := queriesOf(u.cfg)
	if len(all) == 0 {
		return nil
	}
	figures := &metrics.Lookups{}
	for _, q := range all {
		known := g.names.Answer(q)
		figures.OK += known.Lookups - known.Failures
		figures.Failed += known.Failures
		figures.Failing = figures.Failing || known.Err != nil
	}
	return figures
}

// addEndpoint adds an endpoint's figures to those of its name: one that has gone may be back, or have moved. Then its
// connections are those of both, and its counts those of the one that was added first: they begin at 0, and do not shrink
// when the last connection of the other has ended.
func addEndpoint(u *metrics.Upstream, e *upstream.Endpoint) {
	same := func(m metrics.Endpoint) bool { return m.Address == e.Name }
	i := slices.IndexFunc(u.Endpoints, same)
	if i < 0 {
		i = len(u.Endpoints)
		m := metrics.Endpoint{Address: e.Name, Healthy: e.Healthy(), Connects: map[string]uint64{}, Closed: map[string]uint64{}}
		for result := range upstream.Results {
			m.Connects[result.String()] = e.Attempts(result)
		}
		for end := upstream.EndOther + 1; end < upstream.Ends; end++ {
			m.Closed[end.String()] = e.Caused(end)
		}
		u.Endpoints = append(u.Endpoints, m)
	}
	u.Endpoints[i].Connections += e.Open()
}
