package gateway

import (
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// Effective is the policy in force with every default filled in. What waits for a restart is not in it.
func (g *Gateway) Effective() api.Effective {
	warnings := []string{}
	for _, w := range g.current().cfg.Warnings() {
		warnings = append(warnings, w.String())
	}
	return api.Effective{
		Config: g.configFigures(), Warnings: append(warnings, g.unresolved()...), YAML: string(g.current().inForce.YAML()),
	}
}

func (g *Gateway) configFigures() api.Config {
	g.mu.Lock()
	defer g.mu.Unlock()
	return api.Config{
		File: g.cfg.File, Generation: g.generation.number, LoadedAt: g.generation.since, LastReload: g.lastReload,
		Pending: changesOf(g.generation.pending),
	}
}

// Policies are the policies in force: the named ones, and those written inside routes.
func (g *Gateway) Policies() api.Policies {
	cfg := g.current().cfg
	all := api.Policies{Policies: []api.Policy{}}
	for _, p := range cfg.Policies {
		described := describePolicy(p)
		for _, r := range cfg.Routes {
			if r.Policy.Name == p.Name {
				described.Routes = append(described.Routes, r.Name)
			}
		}
		all.Policies = append(all.Policies, described)
	}
	for _, r := range cfg.Routes {
		if r.Policy.Name == "" {
			described := describePolicy(r.Policy)
			described.Routes = append(described.Routes, r.Name)
			all.Policies = append(all.Policies, described)
		}
	}
	return all
}

func describePolicy(p *policy.Policy) api.Policy {
	described := api.Policy{Name: p.Name, Kind: p.Kind.String(), Routes: []string{}, Timers: []api.PolicyTimer{}, DryRun: p.DryRun.All}
	for _, t := range p.Timers() {
		described.Timers = append(described.Timers, api.PolicyTimer{
			Timer: string(t.Key), ValueSeconds: seconds(t.Duration), From: p.Origin(t.Key).String(),
			DryRunSeconds: seconds(p.DryRun.Timers[t.Key]),
		})
	}
	return described
}
