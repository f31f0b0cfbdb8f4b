package gateway

import (
	"context"
	"slices"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
	"idlegate/policy"
)

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
		Unrouted:       refusals(&counted[len(routes)].Counts),
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
		c := &counted[i]
		figures := routeFigures(r.Name, &c.Counts)
		figures.Probe, figures.Lateness, figures.Duration, figures.Gap = c.ProbeTime, c.Lateness, c.Duration, c.Gap
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
		LastReloadSuccessful: g.reads.refusal == nil,
		LastReloadSuccess:    success,
	}
}

// counters adds up what all loops have counted of the routes.
func (g *Gateway) counters(ctx context.Context, routes []*relay.RouteStats) ([]ledger.Counters, error) {
	return sumOf(ctx, g, "its figures", routes, (*relay.Loop).Counters, (*ledger.Counters).Add)
}

// counts adds up the same without distributions.
func (g *Gateway) counts(ctx context.Context, routes []*relay.RouteStats) ([]ledger.Counts, error) {
	return sumOf(ctx, g, "its figures", routes, (*relay.Loop).Counts, (*ledger.Counts).Add)
}

func statsOf(routes []*route) (all []*relay.RouteStats) {
	for _, r := range routes {
		all = append(all, r.RouteStats)
	}
	return all
}

// routeFigures are those of a route, but for distributions.
func routeFigures(name string, c *ledger.Counts) metrics.Route {
	m := metrics.Route{
		Name: name, Opened: c.Opened, Messages: c.Messages, Heartbeats: c.Heartbeats, Bytes: c.Bytes, Opaque: c.Opaque,
		Closed: map[string]uint64{}, Probes: map[string]uint64{},
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
func refusals(c *ledger.Counts) map[string]uint64 {
	counts := map[string]uint64{}
	for cause := range session.CauseCount {
		counts[cause.String()] = c.Refused[cause]
	}
	return counts
}

// silences are how long the clients of the routes have been silent that are connected now.
func (g *Gateway) silences(ctx context.Context, routes []*route) ([]metrics.Histogram, error) {
	all := make([]metrics.Histogram, len(routes))
	of := make(map[*relay.RouteStats]*metrics.Histogram, len(routes))
	for i, r := range routes {
		of[r.RouteStats] = &all[i]
	}
	if err := g.walkLoops(ctx, func(l *relay.Loop, done func()) { l.ObserveSilences(ctx, of, done) }); err != nil {
		return nil, err
	}
	return all, nil
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
func timeoutFigures(c *ledger.Counts) (counts []metrics.TimeoutCount) {
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
