package gateway

import (
	"context"
	"slices"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/metrics"
	"idlegate/policy"
)

// advised are the timers that there is advice on.
var advised = [advice.Timers]deadline.Timer{deadline.IdleTimeout, deadline.FirstMessage, deadline.Message, deadline.MaxLifetime}

// Advise says what the connections of a route, or of each, tell about one of its timers, or about all that there is advice on. The
// advice on one route rests on all that share its policy: the one that needs the longest time decides.
func (g *Gateway) Advise(ctx context.Context, q api.AdviceQuery) (api.Advices, error) {
	asked, err := g.chosen(q.Route)
	if err != nil {
		return api.Advices{}, err
	}
	routes := g.current().routes
	known, open, err := g.weighed(ctx, routes)
	if err != nil {
		return api.Advices{}, err
	}
	var inputs []advice.Input
	var of []*route
	for i, r := range routes {
		for t := range advice.Timers {
			if isAdvisedOn(r, t) && (q.Timer == "" || q.Timer == t.String()) {
				in := adviceInput(r, t, &known[i], &open[i])
				in.Tolerance = q.Tolerance
				inputs, of = append(inputs, in), append(of, r)
			}
		}
	}
	all := api.Advices{Advices: []api.Advice{}}
	for i, a := range advice.ForRoutes(inputs) {
		if slices.ContainsFunc(asked, func(one *route) bool { return one.Name == of[i].Name }) {
			all.Advices = append(all.Advices, describeAdvice(of[i], &inputs[i], &a))
		}
	}
	return all, nil
}

// isAdvisedOn reports whether there is something to say of a timer of a route: of a short policy's idle_timeout it is that it has none.
func isAdvisedOn(r *route, t advice.Timer) bool {
	switch t {
	case advice.MessageTimeout:
		return r.Rules.Bounded
	case advice.MaxLifetime:
		return r.cfg.Policy.Kind == policy.Long
	}
	return true
}

func describeAdvice(r *route, in *advice.Input, a *advice.Advice) api.Advice {
	said := api.Advice{
		Route: r.Name, Policy: r.cfg.Policy.Name, Kind: r.cfg.Policy.Kind.String(), Timer: in.Timer.String(), Candidates: []api.Candidate{}, Reasons: []string{},
		ObservedSeconds: in.Counted.Seconds(), Certainty: advice.Unfounded.String(),
	}
	if in.Timer == advice.IdleTimeout && r.cfg.Policy.Kind != policy.Long {
		said.Reasons = append(said.Reasons, "The policy is short: a connection lasts until its deadline whether it is silent or not, "+
			"so there is no idle_timeout to advise on. connection_duration_seconds shows how long they take.")
		return said
	}
	said.Connections = a.Connections
	said.Certainty, said.Basis = a.Certainty.String(), a.Basis
	said.InForceSeconds, said.DryRunSeconds = seconds(in.InForce), seconds(in.DryRun)
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

// weighed is what is known of each route, and what its connections tell that are open.
func (g *Gateway) weighed(ctx context.Context, routes []*route) ([]ledger.Knowledge, []advice.Tallies, error) {
	known, err := g.knowledge.of(ctx, g, routes)
	if err != nil {
		return nil, nil, err
	}
	open := make([]advice.Tallies, len(routes))
	of := map[*relay.RouteStats]*advice.Tallies{}
	for i, r := range routes {
		of[r.RouteStats] = &open[i]
	}
	err = g.eachView(ctx, func(v *relay.View) {
		if tallies := of[v.Route.RouteStats]; tallies != nil {
			ledger.Open(tallies, &v.Session, v.At)
		}
	})
	return known, open, err
}

func adviceInput(r *route, t advice.Timer, known *ledger.Knowledge, open *advice.Tallies) advice.Input {
	in := advice.Input{
		Route: r.Name, Policy: r.cfg.Policy.Name, Kind: r.cfg.Policy.Kind.String(), Timer: t,
		InForce:   r.Rules.Standard(r.Rules.Enforced[advised[t]]),
		DryRun:    r.Rules.Standard(r.Rules.DryRunValue(advised[t])),
		DryRunAll: r.cfg.Policy.DryRun.All,
		Ended:     known.Advice[t],
		Open:      open[t],
		Counted:   known.Counted,
	}
	if t == advice.IdleTimeout {
		in.Observed, in.Gaps = known.DryRunIdle, gapsOf(&known.Gap)
	}
	return in
}

func gapsOf(h *metrics.Histogram) advice.Gaps {
	return advice.Gaps{P50: h.Quantile(0.5), P99: h.Quantile(0.99), P999: h.Quantile(0.999), Max: h.Quantile(1)}
}
