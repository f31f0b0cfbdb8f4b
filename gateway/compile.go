package gateway

import (
	"fmt"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
	"idlegate/policy"
)

// plan is a policy file in the form that loops use.
type plan struct {
	routes    []*relay.Route
	upstreams []*upstream.Set
	endpoints []int // of each upstream
}

// compile turns a policy file into a plan. Names of endpoints are resolved here, once.
func compile(cfg *policy.Config, resolve resolver) (*plan, error) {
	p := &plan{}
	place := map[*policy.Upstream]int{}
	for i, u := range cfg.Upstreams {
		set, err := compileUpstream(u, resolve)
		if err != nil {
			return nil, err
		}
		place[u] = i
		p.upstreams = append(p.upstreams, set)
		p.endpoints = append(p.endpoints, len(set.Endpoints))
	}
	for i, r := range cfg.Routes {
		at := place[r.Upstream]
		route, err := compileRoute(r, p.upstreams[at])
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		route.Index, route.UpstreamAt = i, at
		p.routes = append(p.routes, route)
	}
	return p, nil
}

func compileUpstream(u *policy.Upstream, resolve resolver) (*upstream.Set, error) {
	var endpoints []*upstream.Endpoint
	for _, e := range u.Endpoints {
		address, err := resolve.endpoint(e.Address)
		if err != nil {
			return nil, fmt.Errorf("upstream %s: %w", u.Name, err)
		}
		endpoints = append(endpoints, &upstream.Endpoint{Name: e.Address.String(), Address: address})
	}
	balance := upstream.LeastConnections
	if u.Balance == policy.RoundRobin {
		balance = upstream.RoundRobin
	}
	return upstream.New(u.Name, balance, endpoints), nil
}

func compileRoute(r *policy.Route, set *upstream.Set) (*relay.Route, error) {
	rules, err := compileRules(r)
	if err != nil {
		return nil, err
	}
	return &relay.Route{
		Name:         r.Name,
		Rules:        rules,
		Upstream:     set,
		Retries:      r.Upstream.Retries,
		Options:      compileOptions(r.TCP),
		Allow:        r.Allow,
		Deny:         r.Deny,
		Connections:  r.Limits.Connections,
		FirstMessage: r.ConnectOn == policy.ConnectOnFirstMessage,
		Reset:        r.Policy.Close == policy.CloseRST,
		Jitter:       r.Policy.Jitter,
	}, nil
}

func compileOptions(t policy.TCP) reactor.Options {
	return reactor.Options{
		KeepaliveIdle:     t.Keepalive.Idle,
		KeepaliveInterval: t.Keepalive.Interval,
		KeepaliveCount:    t.Keepalive.Count,
		UserTimeout:       t.UserTimeout,
	}
}

func compileRules(r *policy.Route) (session.Rules, error) {
	var rules session.Rules
	for side, p := range map[session.Side]policy.Protocol{session.Client: r.Protocol, session.Upstream: r.UpstreamProtocol} {
		framer, err := compileProtocol(p, uint64(r.Limits.MessageSize))
		if err != nil {
			return rules, err
		}
		rules.Framers[side] = framer
	}
	rules.Bounded = r.Protocol.Framing != policy.Raw
	reset := r.Policy.ResetOn
	rules.ResetOn[session.Client] = reset != policy.ResetOnUpstream
	rules.ResetOn[session.Upstream] = reset != policy.ResetOnClient
	compileTimers(&rules, r)
	return rules, nil
}

func compileProtocol(p policy.Protocol, limit uint64) (protocol.Framer, error) {
	switch p.Framing {
	case policy.Raw:
		return protocol.NewRaw(), nil
	case policy.LengthField:
		return protocol.NewLengthField(protocol.LengthField{
			Magic:        p.LengthField.Magic,
			Offset:       p.LengthField.Offset,
			Size:         p.LengthField.Size,
			LittleEndian: p.LengthField.ByteOrder == policy.LittleEndian,
			Adjustment:   p.LengthField.Adjustment,
			Limit:        limit,
		})
	case policy.Delimiter:
		return protocol.NewDelimiter(p.Delimiter, limit)
	case policy.Fixed:
		return protocol.NewFixed(uint64(p.FixedSize), limit)
	case policy.Varint:
		return protocol.NewVarint(limit), nil
	}
	return nil, fmt.Errorf("protocol %v is not known", p.Framing)
}

// timerKeys says which timers a key of the policy sets.
var timerKeys = map[policy.Timer][]deadline.Timer{
	policy.TimerDeadline:            {deadline.Deadline},
	policy.TimerReadDeadline:        {deadline.ReadDeadline},
	policy.TimerWriteDeadline:       {deadline.WriteDeadline},
	policy.TimerIdleTimeout:         {deadline.IdleTimeout},
	policy.TimerFirstMessageTimeout: {deadline.FirstMessage},
	policy.TimerMessageTimeout:      {deadline.Message},
	policy.TimerMaxLifetime:         {deadline.MaxLifetime},
	policy.TimerWriteTimeout:        {deadline.ClientWrite, deadline.UpstreamWrite},
	policy.TimerHalfCloseTimeout:    {deadline.HalfClose},
}

// always are the timers that a dry run enforces and does not watch.
const always = deadline.Set(1<<deadline.ClientWrite | 1<<deadline.UpstreamWrite | 1<<deadline.Connect)

// compileTimers divides the policy's timers into those enforced and those that a dry run watches.
func compileTimers(rules *session.Rules, r *policy.Route) {
	p := r.Policy
	all := deadline.Durations{
		deadline.Deadline:      p.Deadline,
		deadline.ReadDeadline:  p.ReadDeadline,
		deadline.WriteDeadline: p.WriteDeadline,
		deadline.IdleTimeout:   p.IdleTimeout,
		deadline.FirstMessage:  p.FirstMessageTimeout,
		deadline.Message:       p.MessageTimeout,
		deadline.MaxLifetime:   p.MaxLifetime,
		deadline.ClientWrite:   p.WriteTimeout,
		deadline.UpstreamWrite: p.WriteTimeout,
		deadline.HalfClose:     p.HalfCloseTimeout,
		deadline.Connect:       r.Upstream.ConnectTimeout,
	}
	rules.Enforced, rules.Observed = all, all
	if p.DryRun.All {
		rules.DryRun, rules.NotSeen = true, always
		for t := range rules.Enforced {
			if !always.Has(deadline.Timer(t)) {
				rules.Enforced[t] = 0
			}
		}
		return
	}
	rules.NotSeen = ^deadline.Set(0)
	for key, d := range p.DryRun.Timers {
		for _, t := range timerKeys[key] {
			rules.DryRun = true
			rules.Observed[t] = d
			rules.NotSeen = rules.NotSeen.Without(t)
		}
	}
}
