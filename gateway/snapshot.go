package gateway

import (
	"context"
	"fmt"
	"slices"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
)

// Snapshot asks every loop for its figures and adds them up. It waits for the loops, at most until ctx ends.
func (g *Gateway) Snapshot(ctx context.Context) (metrics.Snapshot, error) {
	var routes []relay.Counters
	var upstreams []relay.UpstreamCounters
	for i, l := range g.loops {
		r, u, err := g.ask(ctx, l, g.ended[i])
		if err != nil {
			return metrics.Snapshot{}, fmt.Errorf("ask event loop %d for its figures: %w", i, err)
		}
		if i == 0 {
			routes, upstreams = r, u
			continue
		}
		for j := range r {
			addCounters(&routes[j], &r[j])
		}
		for j := range u {
			addUpstream(&upstreams[j], &u[j])
		}
	}
	return g.figures(routes, upstreams), nil
}

// ask has a loop copy its counters. One that has ended is read as it was left.
func (g *Gateway) ask(ctx context.Context, l *relay.Loop, ended <-chan struct{}) (routes []relay.Counters, upstreams []relay.UpstreamCounters, err error) {
	copied := make(chan struct{})
	posted := l.Post(func() {
		routes, upstreams = l.Counters()
		close(copied)
	})
	wait := copied
	if !posted {
		wait = nil
	}
	select {
	case <-wait:
		return routes, upstreams, nil
	case <-ended:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	routes, upstreams = l.Counters()
	return routes, upstreams, nil
}

func addCounters(sum, c *relay.Counters) {
	sum.Opened += c.Opened
	for i, n := range c.Closed {
		sum.Closed[i] += n
	}
	for i, n := range c.Refused {
		sum.Refused[i] += n
	}
	for t := range c.Timeouts {
		sum.Timeouts[t][relay.Closed] += c.Timeouts[t][relay.Closed]
		sum.Timeouts[t][relay.Watched] += c.Timeouts[t][relay.Watched]
	}
	for side := range c.Messages {
		sum.Messages[side] += c.Messages[side]
		sum.Bytes[side] += c.Bytes[side]
	}
	sum.Lateness.Add(&c.Lateness)
	sum.Duration.Add(&c.Duration)
	sum.Gap.Add(&c.Gap)
}

func addUpstream(sum, u *relay.UpstreamCounters) {
	sum.Connect.Add(&u.Connect)
	for e := range u.Connects {
		for result, n := range u.Connects[e] {
			sum.Connects[e][result] += n
		}
	}
}

func (g *Gateway) figures(routes []relay.Counters, upstreams []relay.UpstreamCounters) metrics.Snapshot {
	s := metrics.Snapshot{
		BufferBytes:    g.budget.Used(),
		ConnectionsMax: g.gate.Max(),
		LogDropped:     g.log.dropped(),
		Config:         metrics.ConfigState{Generation: 1, LastReloadSuccessful: true, LastReloadSuccess: g.since},
	}
	for i, r := range g.plan.routes {
		s.Routes = append(s.Routes, routeFigures(r, &routes[i]))
	}
	for i, set := range g.plan.upstreams {
		u := metrics.Upstream{Name: set.Name, Connect: upstreams[i].Connect}
		for j, e := range set.Endpoints {
			n := upstreams[i].Connects[j]
			u.Endpoints = append(u.Endpoints, metrics.Endpoint{Address: e.Name, Connections: e.Open(), Connects: map[string]uint64{
				"ok": n[relay.ConnectOK], "refused": n[relay.ConnectRefused],
				"timeout": n[relay.ConnectTimeout], "failed": n[relay.ConnectFailed],
			}})
		}
		s.Upstreams = append(s.Upstreams, u)
	}
	return s
}

func routeFigures(r *relay.Route, c *relay.Counters) metrics.Route {
	m := metrics.Route{
		Name: r.Name, Opened: c.Opened, Messages: c.Messages, Bytes: c.Bytes,
		Closed: map[string]uint64{}, Refused: map[string]uint64{},
		Lateness: c.Lateness, Duration: c.Duration, Gap: c.Gap,
	}
	m.Connections = int64(c.Opened)
	for reason := session.Open + 1; reason < session.ReasonCount; reason++ {
		m.Closed[reason.String()] = c.Closed[reason]
		m.Connections -= int64(c.Closed[reason])
	}
	for cause := range session.CauseCount {
		m.Refused[cause.String()] = c.Refused[cause]
	}
	m.Timeouts = timeoutFigures(c)
	return m
}

// timeoutFigures lists the timers by their keys; write_timeout stands for both sides.
func timeoutFigures(c *relay.Counters) (counts []metrics.TimeoutCount) {
	for t := deadline.None + 1; t < deadline.Count; t++ {
		for action, word := range []string{relay.Closed: metrics.ActionClosed, relay.Watched: metrics.ActionObserved} {
			if action == relay.Watched && always.Has(t) {
				continue // no dry run watches these
			}
			n := metrics.TimeoutCount{Timeout: t.String(), Action: word, Count: c.Timeouts[t][action]}
			same := func(m metrics.TimeoutCount) bool { return m.Timeout == n.Timeout && m.Action == n.Action }
			if i := slices.IndexFunc(counts, same); i >= 0 {
				counts[i].Count += n.Count
				continue
			}
			counts = append(counts, n)
		}
	}
	return counts
}
