package gateway

import (
	"context"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/metrics"
	"idlegate/policy"
)

// Advise says what the connections of a route, or of each, tell about its idle_timeout.
func (g *Gateway) Advise(ctx context.Context, name string, tolerance float64) (api.Advices, error) {
	routes, err := g.chosen(name)
	if err != nil {
		return api.Advices{}, err
	}
	counted, err := g.counters(ctx, routes)
	if err != nil {
		return api.Advices{}, err
	}
	views, err := g.views(ctx)
	if err != nil {
		return api.Advices{}, err
	}
	all := api.Advices{Advices: []api.Advice{}}
	for i, r := range routes {
		all.Advices = append(all.Advices, adviseOn(r, &counted[i], views, tolerance))
	}
	return all, nil
}

func adviseOn(r *route, c *relay.Counters, views []relay.View, tolerance float64) api.Advice {
	said := api.Advice{
		Route: r.Name, Policy: r.cfg.Policy.Name, Kind: r.cfg.Policy.Kind.String(), Candidates: []api.Candidate{}, Reasons: []string{},
		ObservedSeconds: time.Since(r.since).Seconds(),
	}
	if r.cfg.Policy.Kind != policy.Long {
		said.Reasons = append(said.Reasons, "The policy is short: a connection lasts until its deadline whether it is silent or not, "+
			"so there is no idle_timeout to advise on. connection_duration_seconds shows how long they take.")
		return said
	}
	in := adviceInput(r, c, views)
	in.Tolerance = tolerance
	a := advice.For(in)
	said.Connections = a.Connections
	said.InForceSeconds, said.DryRunSeconds = seconds(in.IdleTimeout), seconds(in.DryRun)
	said.DryRunCounted, said.DryRunSpoke = in.Observed, a.Resumed
	said.Enough, said.Reasons = a.Enough, append(said.Reasons, a.Reasons...)
	said.RecommendedSeconds, said.YAML, said.TrialYAML = seconds(a.Recommended), a.YAML, a.TrialYAML
	for _, row := range a.Rows {
		said.Candidates = append(said.Candidates, api.Candidate{
			TimeoutSeconds: row.Candidate.Seconds(), CutSpoke: row.CutSpoke, CutDead: row.CutDead,
			ReclaimedHours: row.ReclaimedHours, Unknown: row.Unknown,
		})
	}
	return said
}

// adviceInput is what is known of the silences of a route's connections.
func adviceInput(r *route, c *relay.Counters, views []relay.View) advice.Input {
	in := advice.Input{
		Route: r.Name, Policy: r.cfg.Policy.Name,
		IdleTimeout: r.Rules.Enforced[deadline.IdleTimeout],
		DryRun:      r.Rules.Watched(deadline.IdleTimeout),
		DryRunAll:   r.cfg.Policy.DryRun.All,
		Observed:    c.Rehearsed,
		Ended:       c.Silences,
		Counted:     time.Since(r.since),
		Gaps:        gapsOf(&c.Gap),
	}
	for i := range views {
		if v := &views[i]; v.Route.Account == r.Account {
			in.Open.Open(relay.Silences(&v.Session, v.At))
		}
	}
	return in
}

func gapsOf(h *metrics.Histogram) advice.Gaps {
	return advice.Gaps{P50: h.Quantile(0.5), P99: h.Quantile(0.99), P999: h.Quantile(0.999), Max: h.Quantile(1)}
}
