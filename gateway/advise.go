package gateway

import (
	"context"
	"slices"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/metrics"
	"idlegate/policy"
)

// Advise says what the connections of a route, or of each, tell about its idle_timeout. The advice on one route rests on all that
// share its policy.
func (g *Gateway) Advise(ctx context.Context, name string, tolerance float64) (api.Advices, error) {
	asked, err := g.chosen(name)
	if err != nil {
		return api.Advices{}, err
	}
	routes := g.current().routes
	inputs, err := g.adviceInputs(ctx, routes)
	if err != nil {
		return api.Advices{}, err
	}
	for i := range inputs {
		inputs[i].Tolerance = tolerance
	}
	all := api.Advices{Advices: []api.Advice{}}
	for i, a := range advice.ForRoutes(inputs) {
		if r := routes[i]; slices.ContainsFunc(asked, func(one *route) bool { return one.Name == r.Name }) {
			all.Advices = append(all.Advices, describeAdvice(r, &inputs[i], &a))
		}
	}
	return all, nil
}

func describeAdvice(r *route, in *advice.Input, a *advice.Advice) api.Advice {
	said := api.Advice{
		Route: r.Name, Policy: r.cfg.Policy.Name, Kind: r.cfg.Policy.Kind.String(), Candidates: []api.Candidate{}, Reasons: []string{},
		ObservedSeconds: time.Since(r.since).Seconds(),
	}
	if r.cfg.Policy.Kind != policy.Long {
		said.Reasons = append(said.Reasons, "The policy is short: a connection lasts until its deadline whether it is silent or not, "+
			"so there is no idle_timeout to advise on. connection_duration_seconds shows how long they take.")
		return said
	}
	said.Connections = a.Connections
	said.InForceSeconds, said.DryRunSeconds = seconds(in.IdleTimeout), seconds(in.DryRun)
	said.DryRunCounted, said.DryRunFalseCuts = in.Observed, a.Resumed
	said.Enough, said.Reasons = a.Enough, append(said.Reasons, a.Reasons...)
	said.RecommendedSeconds, said.YAML, said.TrialYAML = seconds(a.Recommended), a.YAML, a.DryRunYAML
	for _, row := range a.Rows {
		said.Candidates = append(said.Candidates, api.Candidate{
			TimeoutSeconds: row.Candidate.Seconds(), CutSpoke: row.CutSpoke, CutDead: row.CutDead,
			ReclaimedHours: row.ReclaimedHours, Unknown: row.Unknown,
		})
	}
	return said
}

// adviceInputs is what is known of the silences of the connections of each route.
func (g *Gateway) adviceInputs(ctx context.Context, routes []*route) ([]advice.Input, error) {
	counted, err := g.counters(ctx, statsOf(routes))
	if err != nil {
		return nil, err
	}
	inputs := make([]advice.Input, len(routes))
	of := map[*relay.RouteStats]*advice.Input{}
	for i, r := range routes {
		inputs[i] = adviceInput(r, &counted[i])
		of[r.RouteStats] = &inputs[i]
	}
	err = g.eachView(ctx, func(v *relay.View) {
		if in := of[v.Route.RouteStats]; in != nil {
			in.Open.Open(ledger.Silences(&v.Session, v.At))
		}
	})
	return inputs, err
}

func adviceInput(r *route, c *ledger.Counters) advice.Input {
	return advice.Input{
		Route: r.Name, Policy: r.cfg.Policy.Name,
		IdleTimeout: r.Rules.Standard(r.Rules.Enforced[deadline.IdleTimeout]),
		DryRun:      r.Rules.Standard(r.Rules.Watched(deadline.IdleTimeout)),
		DryRunAll:   r.cfg.Policy.DryRun.All,
		Observed:    c.DryRunIdle,
		Ended:       c.Silences,
		Counted:     time.Since(r.since),
		Gaps:        gapsOf(&c.Gap),
	}
}

func gapsOf(h *metrics.Histogram) advice.Gaps {
	return advice.Gaps{P50: h.Quantile(0.5), P99: h.Quantile(0.99), P999: h.Quantile(0.999), Max: h.Quantile(1)}
}
