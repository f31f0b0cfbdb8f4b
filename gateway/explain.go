package gateway

import (
	"context"
	"fmt"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// Explain says all that is known of one connection.
func (g *Gateway) Explain(ctx context.Context, id uint64) (api.Explanation, error) {
	v, found, err := g.find(ctx, id)
	switch {
	case err != nil:
		return api.Explanation{}, err
	case found:
		return g.explain(&v), nil
	}
	return api.Explanation{}, fmt.Errorf("connection %d is %w", id, admin.ErrUnknown)
}

func (g *Gateway) explain(v *relay.View) api.Explanation {
	now, gone := g.served()
	r := now.of(v.Route.RouteStats)
	if r == nil {
		r = gone.of(v.Route.RouteStats)
	}
	e := api.Explanation{
		Connection: g.describe(v), Protocol: v.Route.ProtocolName, Generation: now.number, Timers: []api.Timer{},
		ReadPaused: v.Session.Events.Paused(), ReadPausedFor: v.Session.Events.Pauses().Words(),
		Unpaired: v.Session.Talk.Unpaired(), Opaque: v.Session.Talk.Opaque(), Rates: []api.RateLimit{},
	}
	for _, r := range v.Rates {
		e.Rates = append(e.Rates, api.RateLimit{Limit: r.Limit, PerSecond: int64(r.Rate), Left: uint64(r.Left)})
	}
	for side := range session.Sides {
		e.Peers = append(e.Peers, explainPeer(side, &v.Peers[side]))
	}
	if v.Endpoint != nil {
		e.Endpoint = g.explainEndpoint(now, v)
	}
	if v.Draining != session.Open {
		e.Draining = &api.Drain{Reason: v.Draining.String(), DueSeconds: until(v.DrainBy, v.At)}
	}
	if r == nil { // its route has gone with its last connection: this one, since it was looked at
		return e
	}
	p := r.cfg.Policy
	e.Policy, e.Kind, e.Close = p.Name, p.Kind.String(), p.Close.String()
	if p.Kind == policy.Long {
		e.ResetOn = resetOn(&v.Route.Rules).String()
	}
	for _, t := range v.Session.Timers(&v.Route.Rules) {
		if key, ok := timerKey(t.Timer); (!ok || p.Has(key) || isRate(t.Timer)) && r.hasTimer(t.Timer) {
			e.Timers = append(e.Timers, explainTimer(v, r.cfg, &t))
		}
	}
	return e
}

func explainPeer(side session.Side, p *relay.Peer) api.Peer {
	explained := api.Peer{Side: side.String(), HeldBytes: p.Held, UnackedBytes: p.Path.Unacked, UnreadBytes: p.Path.Unread}
	if p.Path.IsTCP {
		again := int(p.Path.Retransmitted)
		explained.Retransmitted = &again
		if rtt := p.Path.RTT.Seconds(); rtt > 0 {
			explained.RTTSeconds = &rtt
		}
	}
	return explained
}

// explainEndpoint describes the endpoint of a connection, which may have gone.
func (g *Gateway) explainEndpoint(now *generation, v *relay.View) *api.Endpoint {
	described := g.describeEndpoint(upstream.Member{Endpoint: v.Endpoint})
	for _, u := range now.upstreams {
		for _, m := range u.set.Members {
			if m.Endpoint == v.Endpoint {
				described = g.describeMember(u, m)
			}
		}
	}
	return &described
}

// resetOn puts into a word from whose messages idle_timeout starts again.
func resetOn(r *session.Rules) policy.ResetOn {
	switch r.ResetOn {
	case deadline.ResetOnClient:
		return policy.ResetOnClient
	case deadline.ResetOnUpstream:
		return policy.ResetOnUpstream
	}
	return policy.ResetOnEither
}

// timerKey returns the key of a policy that sets t; false: none does, since it is the upstream's.
func timerKey(t deadline.Timer) (policy.Timer, bool) {
	if t == deadline.ProbeAfter || t == deadline.ProbeTimeout {
		return policy.TimerProbe, true
	}
	return policy.Timer(t.String()), t != deadline.Connect
}

// hasTimer reports whether t means something in the protocol of r.
func (r *route) hasTimer(t deadline.Timer) bool {
	switch t {
	case deadline.Reply:
		return r.Rules.Pairs
	case deadline.IdleInTransaction:
		return r.cfg.Protocol.Traits().Transactions
	case deadline.HeartbeatOnly:
		return r.Rules.Heartbeats
	case deadline.TLSHandshake:
		return r.cfg.TLS.IsOn() || r.cfg.Upstream.TLS.On
	case deadline.ProbeAfter, deadline.ProbeTimeout:
		return r.cfg.Protocol.Traits().Probeable
	case deadline.MessageRate:
		return r.Rules.Bounded && r.cfg.Limits.MinRate.IsOn()
	case deadline.ClientRate, deadline.UpstreamRate:
		return r.cfg.Limits.MinRate.IsOn()
	}
	return true
}

// isRate reports whether t keeps limits.min_rate, which is none of the policy's.
func isRate(t deadline.Timer) bool {
	return t == deadline.MessageRate || t == deadline.ClientRate || t == deadline.UpstreamRate
}

func explainTimer(v *relay.View, r *policy.Route, t *session.TimerState) api.Timer {
	key, ok := timerKey(t.Timer)
	explained := api.Timer{
		Timer: t.Timer.String(), ValueSeconds: seconds(t.Value), Standing: t.Standing.String(),
		Since: t.Cause, DueSeconds: until(t.Due, v.At), Waits: t.Waits, Negotiated: t.Choice.String(),
	}
	if isRate(t.Timer) {
		explained.From = "limits.min_rate"
	} else if ok {
		explained.From = r.Policy.Origin(policy.Timer(t.Timer.String())).String()
	} else {
		explained.From = r.Upstream.ConnectTimeoutOrigin().String()
		if v.State == relay.Relaying && t.Standing == deadline.Waiting {
			explained.Standing = deadline.Over.String()
		}
	}
	if t.Timer == deadline.TLSHandshake && v.State == relay.Relaying {
		explained.Standing = deadline.Over.String()
	}
	if t.Since != 0 {
		since := v.At.Since(t.Since).Seconds()
		explained.SinceSeconds = &since
	}
	switch t.Timer {
	case deadline.ClientWrite, deadline.ClientRate:
		explained.Side = session.Client.String()
	case deadline.UpstreamWrite, deadline.UpstreamRate:
		explained.Side = session.Upstream.String()
	}
	if t.DryRun > 0 {
		explained.DryRun = &api.DryRun{
			ValueSeconds: t.DryRun.Seconds(), From: r.Policy.DryRunOrigin(key).String(),
			DueSeconds: until(t.DryRunDue, v.At), Counted: t.Counted,
		}
	}
	return explained
}

// of returns the route with these stats, nil if there is none.
func (g *generation) of(stats *relay.RouteStats) *route {
	for _, r := range g.routes {
		if r.RouteStats == stats {
			return r
		}
	}
	return nil
}

func (d departed) of(stats *relay.RouteStats) *route {
	for _, r := range d.routes {
		if r.RouteStats == stats {
			return r
		}
	}
	return nil
}
