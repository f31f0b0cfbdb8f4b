package gateway

import (
	"context"
	"errors"
	"slices"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// planHorizon is how far a plan looks ahead.
const planHorizon = time.Hour

// Plan says what a policy file would change and which open connections it would end, and changes nothing. The file is text, or where
// that is nil the gateway's own as it is now. What is wrong with it is in the answer; the error is for a gateway without a file of
// its own, or the end of ctx.
func (g *Gateway) Plan(ctx context.Context, text []byte) (api.Plan, error) {
	p := api.Plan{Generation: g.current().number, Routes: []api.PlannedRoute{}}
	name := g.cfg.File
	if text == nil {
		if name == "" {
			return p, errNoFile
		}
		data, _, err := g.file.Read(ctx)
		switch {
		case ctx.Err() != nil:
			return p, ctx.Err()
		case err != nil:
			p.Error = err.Error()
			return p, nil
		}
		text = data
	}
	cfg, err := policy.Parse(name, text)
	var problems policy.Problems
	if !errors.As(err, &problems) {
		look := look{cfg: cfg}
		look.reloaded()
		problems = look.problems
	}
	if len(problems) > 0 {
		p.Error, p.Problems = countProblems(len(problems), name), problemsOf(problems, text)
		return p, nil
	}
	return p, g.plan(ctx, cfg, &p)
}

// reloaded looks at what an edit would read or write: no more than a reload takes over.
func (l *look) reloaded() {
	for i, r := range l.cfg.Routes {
		if r.TLS.IsOn() {
			l.certificates(routeTLS(i, &r.TLS))
		}
	}
	for _, u := range l.cfg.Upstreams {
		if u.TLS.On {
			l.certificates(upstreamTLS(u))
		}
	}
	if file := l.cfg.Log.File; !file.IsZero() {
		l.problem("log.file", tryLog(file.Path))
	}
}

func (g *Gateway) plan(ctx context.Context, cfg *policy.Config, p *api.Plan) error {
	now := g.current()
	var pending []policy.Change
	for _, c := range policy.Diff(now.cfg, cfg) {
		if c.Restart {
			pending = append(pending, c)
		}
	}
	p.OK = true
	p.Changes, p.Pending = changesOf(inForceOf(policy.Diff(now.cfg, cfg))), changesOf(pending)
	p.EditGraceSeconds, p.DrainTimeoutSeconds = cfg.Gateway.EditGrace.Seconds(), seconds(cfg.Gateway.DrainTimeout)
	for _, w := range cfg.Warnings() {
		p.Warnings = append(p.Warnings, w.String())
	}
	planned, err := g.newPlanned(now, cfg)
	if err != nil {
		return err
	}
	if err := g.eachView(ctx, planned.note); err != nil {
		return err
	}
	p.Routes = append(p.Routes, planned.routes...)
	return nil
}

// planned gathers what an edit would do to open connections.
type planned struct {
	routes   []api.PlannedRoute
	of       map[*relay.RouteStats]*afterEdit
	leaves   map[*upstream.Endpoint]bool // whether it would no longer be in the file
	drain    time.Duration               // drain_timeout; 0: none
	variants map[*relay.Route]*relay.Route
}

// afterEdit is a route as an edit would make it.
type afterEdit struct {
	at   int          // among planned.routes
	next *relay.Route // nil: it would be removed
}

func (g *Gateway) newPlanned(now *generation, cfg *policy.Config) (*planned, error) {
	p := &planned{
		of: map[*relay.RouteStats]*afterEdit{}, leaves: map[*upstream.Endpoint]bool{}, drain: cfg.Gateway.DrainTimeout,
		variants: map[*relay.Route]*relay.Route{},
	}
	for _, r := range now.routes {
		after := &afterEdit{at: len(p.routes)}
		row := api.PlannedRoute{Route: r.Name, Becomes: "removed", AtOnce: map[string]int{}, WithinHour: map[string]int{}}
		if i := slices.IndexFunc(cfg.Routes, func(c *policy.Route) bool { return c.Name == r.Name }); i >= 0 {
			next, err := compileRoute(cfg.Routes[i], r.RouteStats, r.Pinned)
			if err != nil {
				return nil, err
			}
			after.next, row.Becomes = next, "kept"
		}
		p.of[r.RouteStats] = after
		p.routes = append(p.routes, row)
	}
	for _, c := range cfg.Routes {
		if now.route(c.Name) == nil {
			p.routes = append(p.routes, api.PlannedRoute{Route: c.Name, Becomes: "added", AtOnce: map[string]int{}, WithinHour: map[string]int{}})
		}
	}
	for _, u := range now.upstreams {
		next := slices.IndexFunc(cfg.Upstreams, func(c *policy.Upstream) bool { return c.Name == u.Name })
		for _, m := range u.set.Members {
			p.leaves[m.Endpoint] = next < 0 || !keepsEndpoint(u.cfg, cfg.Upstreams[next], m.Name)
		}
	}
	return p, nil
}

// keepsEndpoint reports whether an upstream has an endpoint after an edit, too. What names stand for is not looked up: those that the same
// name has brought stay.
func keepsEndpoint(before, after *policy.Upstream, name string) bool {
	written := func(e policy.Endpoint) bool { return e.Address.String() == name }
	if slices.ContainsFunc(after.Endpoints, written) {
		return true
	}
	return !after.DNS.IsZero() && after.DNS == before.DNS && !slices.ContainsFunc(before.Endpoints, written)
}

// note counts what the edit would do to a connection. It goes by the rules that the loops go by when an edit takes over.
func (p *planned) note(v *relay.View) {
	after := p.of[v.Route.RouteStats]
	if after == nil {
		return // its route was removed by an earlier edit, or has come since
	}
	row := &p.routes[after.at]
	row.Connections++
	_, due := v.Session.NextTimer(&v.Route.Rules)
	if min(due, v.DrainBy) <= v.At {
		return // it ends anyhow
	}
	end := lasting(v)
	if after.next != nil {
		end = p.ends(v, after.next)
	}
	if end.at <= v.At {
		row.AtOnce[end.reason.String()]++
		return
	}
	before, soon := lasting(v), v.At.After(planHorizon)
	leaves := after.next == nil || v.Endpoint != nil && p.leaves[v.Endpoint]
	if leaves && v.Draining == session.Open && p.drain > 0 && v.At.After(p.drain) < end.certain {
		end.certain, end.certainly = v.At.After(p.drain), session.Drained
		if after.next == nil {
			end.certainly = session.RouteRemoved
		}
	}
	switch {
	case end.certain <= soon && before.certain > soon:
		row.WithinHour[end.certainly.String()]++
	case end.at <= soon && before.at > soon && before.certain > soon && !end.saved:
		row.WithinHour[end.reason.String()]++
	}
}

// outlook is when a connection ends: as things stand, and whatever its peers send.
type outlook struct {
	at        deadline.Instant
	reason    session.Reason
	certain   deadline.Instant
	certainly session.Reason
	saved     bool // it is idle_timeout that ends it first, and its client is in the habit of speaking sooner
}

// lasting is the outlook of a connection as it is.
func lasting(v *relay.View) outlook {
	o := outlookOf(&v.Session, &v.Route.Rules)
	o.at, o.certain = min(o.at, v.DrainBy), min(o.certain, v.DrainBy)
	return o
}

func outlookOf(s *session.Session, rules *session.Rules) outlook {
	o := outlook{reason: session.Open, certainly: session.Open}
	var t deadline.Timer
	if t, o.at = s.NextTimer(rules); t != deadline.None {
		o.reason = session.Ends(t)
	}
	if t, o.certain = s.CertainTimer(rules); t != deadline.None {
		o.certainly = session.Ends(t)
	}
	return o
}

// ends is the outlook of a connection under the next rules.
func (p *planned) ends(v *relay.View, next *relay.Route) outlook {
	rules := p.variants[v.Route]
	if rules == nil {
		rules = next.On(v.Route.Pinned)
		p.variants[v.Route] = rules
	}
	s := v.Session
	const atOnce = 0
	s.ApplyRules(&v.Route.Rules, &rules.Rules, v.At, atOnce, relay.Share(v.ID))
	end := outlookOf(&s, &rules.Rules)
	sameSilence := s.Events.ResetOn == v.Session.Events.ResetOn // or what is known of it is of another
	end.saved = end.reason == session.IdleTimeout && sameSilence && hasHabit(&s, s.Events.IdleValue(&rules.Rules.Enforced), v.At)
	return end
}

// hasHabit reports whether a client has so far always spoken within a value of idle_timeout, and has been silent for no longer than it was
// before.
func hasHabit(s *session.Session, value time.Duration, now deadline.Instant) bool {
	return s.MaxSilence() < value && s.Tail(now) <= s.MaxSilence()
}
