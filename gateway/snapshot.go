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
	var sum figures
	for i, l := range g.loops {
		f, err := ask(ctx, l, g.ended[i])
		if err != nil {
			return metrics.Snapshot{}, fmt.Errorf("ask event loop %d for its figures: %w", i, err)
		}
		if i == 0 {
			sum = f
			continue
		}
		for j := range f.routes {
			addCounters(&sum.routes[j], &f.routes[j])
		}
		for j := range f.upstreams {
			addUpstream(&sum.upstreams[j], &f.upstreams[j])
		}
	}
	return g.sumUp(sum.routes, sum.upstreams), nil
}

// figures are one loop's, by route and by upstream.
type figures struct {
	routes    []relay.Counters
	upstreams []relay.UpstreamCounters
}

// ask has a loop copy its counters. One that has ended is read as it was left. The loop may answer after ctx has ended,
// and then nobody listens.
func ask(ctx context.Context, l *relay.Loop, ended <-chan struct{}) (f figures, err error) {
	answer := make(chan figures, 1)
	l.Post(func() {
		var f figures
		f.routes, f.upstreams = l.Counters()
		answer <- f
	})
	select {
	case f = <-answer:
	case <-ended:
		f.routes, f.upstreams = l.Counters()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return f, err
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

// sumUp adds to the loops' figures what is known beside them.
func (g *Gateway) sumUp(routes []relay.Counters, upstreams []relay.UpstreamCounters) metrics.Snapshot {
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
