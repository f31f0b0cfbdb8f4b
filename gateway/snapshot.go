package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
	"idlegate/metrics"
	"idlegate/policy"
)

// ask has every loop copy something out, and gives the answers in the order of the loops. One that has ended is read as it
// was left. A loop may answer after ctx has ended, and then nobody listens.
func ask[T any](ctx context.Context, g *Gateway, what string, f func(*relay.Loop) T) ([]T, error) {
	answers := make([]T, len(g.loops))
	for i, l := range g.loops {
		answer := make(chan T, 1)
		l.Post(func() { answer <- f(l) })
		select {
		case answers[i] = <-answer:
		case <-g.ended[i]:
			answers[i] = f(l)
		case <-ctx.Done():
			return nil, fmt.Errorf("ask event loop %d for %s: %w", i, what, ctx.Err())
		}
	}
	return answers, nil
}

// Snapshot asks every loop for its figures and adds them up. It waits for the loops, at most until ctx ends.
func (g *Gateway) Snapshot(ctx context.Context) (metrics.Snapshot, error) {
	now, gone := g.served()
	routes := slices.Concat(now.routes, gone.routes)
	counted, err := g.counters(ctx, append(statsOf(routes), g.unrouted))
	if err != nil {
		return metrics.Snapshot{}, err
	}
	busy, err := ask(ctx, g, "how busy it is", (*relay.Loop).Busy)
	if err != nil {
		return metrics.Snapshot{}, err
	}
	paused, pauses := g.acceptPaused()
	s := metrics.Snapshot{
		Unrouted:       refusals(&counted[len(routes)]),
		LoopsBusy:      busy,
		AcceptPaused:   paused,
		AcceptPauses:   pauses,
		BufferBytes:    g.budget.Used(),
		BufferLimit:    g.budget.Limit(),
		Draining:       g.draining.Load(),
		NativeOnly:     now.cfg.Metrics.Histograms == policy.HistogramsNative,
		ConnectionsMax: g.admission.Max(),
		LogDropped:     g.log.dropped(),
		Config:         g.configState(),
		Certificates:   g.certificates.expiries(),
	}
	silences, err := g.silences(ctx, routes)
	if err != nil {
		return metrics.Snapshot{}, err
	}
	for i, r := range routes {
		figures := routeFigures(r.Name, &counted[i])
		figures.Silence, figures.Limit, figures.Values = silences[i], r.Limit, timeoutValues(r)
		s.Routes = append(s.Routes, figures)
	}
	s.Upstreams, err = g.upstreamFigures(ctx, now, gone.endpoints)
	return s, err
}

// acceptPaused reports whether clients wait to be accepted, and for how long accepting was paused in all.
func (g *Gateway) acceptPaused() (bool, time.Duration) {
	return g.admission.Paused(deadline.Instant(g.clock.Now()))
}

func (g *Gateway) configState() metrics.ConfigState {
	g.mu.Lock()
	defer g.mu.Unlock()
	success := g.generation.since
	if g.reads.success.After(success) {
		success = g.reads.success
	}
	return metrics.ConfigState{
		Generation:           g.generation.number,
		PendingRestart:       len(g.generation.pending),
		Hash:                 g.generation.hash,
		LastReloadSuccessful: g.lastReload == nil || g.lastReload.OK,
		LastReloadSuccess:    success,
	}
}

// counters adds up what all loops have counted of the routes.
func (g *Gateway) counters(ctx context.Context, routes []*relay.RouteStats) ([]ledger.Counters, error) {
	return sumOf(ctx, g, "its figures", routes, (*relay.Loop).Counters, (*ledger.Counters).Add)
}

// sumOf asks every loop for what it has counted of each route, and adds that up. The error is that of ask.
func sumOf[T any](ctx context.Context, g *Gateway, what string, routes []*relay.RouteStats, of func(*relay.Loop, *relay.RouteStats) T, add func(sum, more *T)) ([]T, error) {
	byLoop, err := ask(ctx, g, what, func(l *relay.Loop) []T {
		copied := make([]T, len(routes))
		for i, r := range routes {
			copied[i] = of(l, r)
		}
		return copied
	})
	if err != nil {
		return nil, err
	}
	sum := byLoop[0]
	for _, other := range byLoop[1:] {
		for i := range sum {
			add(&sum[i], &other[i])
		}
	}
	return sum, nil
}

func statsOf(routes []*route) (all []*relay.RouteStats) {
	for _, r := range routes {
		all = append(all, r.RouteStats)
	}
	return all
}

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

func routeFigures(name string, c *ledger.Counters) metrics.Route {
	m := metrics.Route{
		Name: name, Opened: c.Opened, Messages: c.Messages, Heartbeats: c.Heartbeats, Bytes: c.Bytes, Opaque: c.Opaque,
		Closed: map[string]uint64{}, Probes: map[string]uint64{}, Probe: c.ProbeTime,
		Lateness: c.Lateness, Duration: c.Duration, Gap: c.Gap,
	}
	m.Connections = int64(c.Opened)
	for reason := session.Open + 1; reason < session.ReasonCount; reason++ {
		m.Closed[reason.String()] = c.Closed[reason]
		m.Connections -= int64(c.Closed[reason])
	}
	m.Refused = refusals(c)
	m.FalseCuts = c.FalseCuts
	for result := range ledger.ProbeResults {
		m.Probes[result.String()] = c.Probes[result]
	}
	m.Timeouts = timeoutFigures(c)
	return m
}

// refusals are the clients that were refused, by cause.
func refusals(c *ledger.Counters) map[string]uint64 {
	counts := map[string]uint64{}
	for cause := range session.CauseCount {
		counts[cause.String()] = c.Refused[cause]
	}
	return counts
}

// silences are how long the clients of the routes have been silent that are connected now. Each loop looks at some thousand connections
// before others have their turn.
func (g *Gateway) silences(ctx context.Context, routes []*route) ([]metrics.Histogram, error) {
	all := make([]metrics.Histogram, len(routes))
	for i := range g.loops {
		of := make(map[*relay.RouteStats]*metrics.Histogram, len(routes)) // its own: it may go on writing after ctx has ended
		for _, r := range routes {
			of[r.RouteStats] = new(metrics.Histogram)
		}
		if err := g.observeSilences(ctx, i, of); err != nil {
			return nil, err
		}
		for at, r := range routes {
			all[at].Add(of[r.RouteStats])
		}
	}
	return all, nil
}

func (g *Gateway) observeSilences(ctx context.Context, loop int, of map[*relay.RouteStats]*metrics.Histogram) error {
	type part struct {
		next int32
		more bool
	}
	l := g.loops[loop]
	for last := (part{more: true}); last.more; {
		answer, first := make(chan part, 1), last.next
		if !l.Post(func() {
			var p part
			p.next, p.more = l.ObserveSilences(of, first, seekSlots)
			answer <- p
		}) {
			return nil // it has ended, and so have its connections
		}
		select {
		case last = <-answer:
		case <-ctx.Done():
			return fmt.Errorf("ask event loop %d for its silences: %w", loop, ctx.Err())
		}
	}
	return nil
}

// timeoutValues are the timers of a route that are in force and mean something in its protocol; write_timeout stands for both sides. An
// idle_timeout that is negotiated is that of connections which have agreed on none.
func timeoutValues(r *route) (all []metrics.TimeoutValue) {
	for t := deadline.None + 1; t < deadline.Count; t++ {
		value := r.Rules.Standard(r.Rules.Enforced[t])
		same := func(v metrics.TimeoutValue) bool { return v.Timeout == t.String() }
		if value > 0 && r.hasTimer(t) && !slices.ContainsFunc(all, same) {
			all = append(all, metrics.TimeoutValue{Timeout: t.String(), Value: value})
		}
	}
	return all
}

// timeoutFigures lists the timers by their keys; write_timeout stands for both sides.
func timeoutFigures(c *ledger.Counters) (counts []metrics.TimeoutCount) {
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if t.Action() == deadline.Ask {
			continue // probes are counted by themselves
		}
		for action, word := range []string{ledger.Closed: metrics.ActionClosed, ledger.Observed: metrics.ActionObserved} {
			if ledger.Action(action) == ledger.Observed && (always | probes).Has(t) {
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
