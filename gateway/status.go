package gateway

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
)

// Status is the gateway as a whole.
func (g *Gateway) Status(ctx context.Context) (api.Status, error) {
	counted, err := g.counts(ctx, []*relay.RouteStats{g.unrouted})
	if err != nil {
		return api.Status{}, err
	}
	ready, reason := g.Ready()
	instant := time.Now()
	zone, _ := instant.Zone()
	s := api.Status{
		Version: g.cfg.Version, Host: hostName(), TimeZone: zone, Now: instant, Alarms: g.alarms(instant), ByHand: g.byHand(), StartedAt: g.since,
		Ready: ready, Reason: reason,
		Refused:        aboveZero(refusals(&counted[0])),
		ConnectionsMax: g.admission.Max(), BufferBytes: g.budget.Used(), LogDropped: g.log.dropped(), Config: g.configFigures(),
	}
	s.AcceptPaused, _ = g.acceptPaused()
	s.Connections = g.Open()
	return s, nil
}

// hostName is the machine's, "" where it has none.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// Routes are all routes and what they have counted.
func (g *Gateway) Routes(ctx context.Context) (api.Routes, error) {
	routes := g.current().routes
	counted, err := g.counts(ctx, statsOf(routes))
	if err != nil {
		return api.Routes{}, err
	}
	all := api.Routes{Now: time.Now(), Routes: []api.Route{}}
	for i, r := range routes {
		all.Routes = append(all.Routes, describeRoute(r, &counted[i]))
	}
	return all, nil
}

func describeRoute(r *route, c *ledger.Counts) api.Route {
	figures := routeFigures(r.Name, c)
	p := r.cfg.Policy
	described := api.Route{
		Name: r.Name, Listen: append([]string{}, r.addresses()...), Protocol: r.cfg.Protocol.Framing.String(), Upstream: r.cfg.Upstream.Name,
		Policy: p.Name, Kind: p.Kind.String(), Limit: r.cfg.Limits.Connections,
		SourceLimit: r.cfg.Limits.ConnectionsPerSource, AcceptLimit: r.cfg.Limits.AcceptsPerSecond,
		IdleTimeoutSeconds: seconds(r.Rules.Standard(r.Rules.Enforced[deadline.IdleTimeout])), DeadlineSeconds: seconds(r.Rules.Enforced[deadline.Deadline]),
		DryRunIdleSeconds: seconds(r.Rules.Standard(r.Rules.DryRunValue(deadline.IdleTimeout))),
		IdleNegotiated:    r.Rules.Negotiated.On,
		Connections:       figures.Connections, Opened: c.Opened,
		Closed: aboveZero(figures.Closed), Refused: aboveZero(figures.Refused), Timeouts: []api.TimeoutCount{},
		ClientMessages: c.Messages[session.Client], UpstreamMessages: c.Messages[session.Upstream],
		ClientHeartbeats: c.Heartbeats[session.Client], UpstreamHeartbeats: c.Heartbeats[session.Upstream],
		ClientBytes: c.Bytes[session.Client], UpstreamBytes: c.Bytes[session.Upstream],
	}
	if source, open := r.Fullest(); source.IsValid() {
		described.FullestSource, described.FullestConnections = source.String(), open
	}
	for _, t := range figures.Timeouts {
		if t.Count > 0 {
			described.Timeouts = append(described.Timeouts, api.TimeoutCount{Timeout: t.Timeout, Action: t.Action, Count: t.Count})
		}
	}
	return described
}

func aboveZero(counts map[string]uint64) map[string]uint64 {
	for key, n := range counts {
		if n == 0 {
			delete(counts, key)
		}
	}
	return counts
}

// chosen returns the routes in force by that name: all for "".
func (g *Gateway) chosen(name string) ([]*route, error) {
	now := g.current()
	if name == "" {
		return now.routes, nil
	}
	r := now.route(name)
	if r == nil {
		return nil, fmt.Errorf("route %q is %w", name, admin.ErrUnknown)
	}
	return []*route{r}, nil
}

// silenceBounds are those of the distribution of silence: each some 1.6 times the one before.
var silenceBounds = [...]time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7500 * time.Millisecond,
	10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second,
	time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 7 * time.Minute,
	10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute,
	time.Hour, 90 * time.Minute, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// dueSoon is how near a timer's time is for a connection to count as about to be ended.
const dueSoon = 10 * time.Second

// Silences are how long the open connections of each route have been silent.
func (g *Gateway) Silences(ctx context.Context, name string) (api.Silences, error) {
	routes, err := g.chosen(name)
	if err != nil {
		return api.Silences{}, err
	}
	all := api.Silences{Silences: make([]api.Silence, len(routes))}
	of := map[*relay.RouteStats]*api.Silence{}
	for i, r := range routes {
		all.Silences[i] = newSilence(r.Name)
		of[r.RouteStats] = &all.Silences[i]
	}
	err = g.onLoops(ctx, func(v *relay.View) {
		if s := of[v.Route.RouteStats]; s != nil {
			addSilence(s, v)
		}
	})
	if err != nil {
		return api.Silences{}, err
	}
	return all, nil
}

func newSilence(route string) api.Silence {
	s := api.Silence{Route: route, Counts: make([]uint64, len(silenceBounds)+1)}
	for _, bound := range silenceBounds {
		s.Bounds = append(s.Bounds, bound.Seconds())
	}
	return s
}

func addSilence(s *api.Silence, v *relay.View) {
	silent := v.At.Since(v.Session.LastMessage)
	at, _ := slices.BinarySearch(silenceBounds[:], silent)
	s.Counts[at]++
	if _, due := v.Session.NextTimer(&v.Route.Rules); due != deadline.Never && due.Since(v.At) <= dueSoon {
		s.Due++
	}
}

// Histories are what has happened on each route in each of the last minutes, of an hour at most.
func (g *Gateway) Histories(ctx context.Context, name string, minutes int) (api.Histories, error) {
	routes, err := g.chosen(name)
	if err != nil {
		return api.Histories{}, err
	}
	before := max(g.clock.Now()/int64(time.Minute)-int64(min(minutes+1, ledger.Minutes)), 0) // minutes of the wall's clock lie across two
	of := func(l *relay.Loop, r *relay.RouteStats) []ledger.Minute { return l.History(r, before) }
	ended, err := sumOf(ctx, g, "what ended", statsOf(routes), of, func(sum, more *[]ledger.Minute) { *sum = append(*sum, *more...) })
	if err != nil {
		return api.Histories{}, err
	}
	all := api.Histories{Now: time.Now(), Histories: []api.History{}}
	for i, r := range routes {
		h := api.History{Route: r.Name, Minutes: []api.Minute{}}
		for number, m := range lastMinutes(before, ended[i], g.record.hour(r.RouteStats)) {
			m.At = g.clock.Wall(number * int64(time.Minute))
			h.Minutes = append(h.Minutes, *m)
		}
		slices.SortFunc(h.Minutes, func(a, b api.Minute) int { return a.At.Compare(b.At) })
		all.Histories = append(all.Histories, h)
	}
	return all, nil
}

// lastMinutes puts together what the loops know of the ends of one route and what was looked at every second, of the minutes after one, by
// minute of the monotonic clock.
func lastMinutes(before int64, ended []ledger.Minute, hour ledger.Hour) map[int64]*api.Minute {
	all := map[int64]*api.Minute{}
	of := func(number int64) *api.Minute {
		if all[number] == nil {
			all[number] = &api.Minute{Closed: map[string]uint64{}}
		}
		return all[number]
	}
	for _, m := range ended {
		for reason, n := range m.Closed {
			if n > 0 {
				of(m.Number).Closed[session.Reason(reason).String()] += uint64(n)
			}
		}
	}
	for i := range hour {
		if hour[i].Number > before {
			describeMinute(of(hour[i].Number), &hour[i])
		}
	}
	return all
}

func describeMinute(m *api.Minute, h *ledger.HourMinute) {
	m.OpenMax, m.Opened, m.Refused, m.ConnectFailures = h.MostOpen, h.Opened, h.RefusedAll(), h.ConnectFailures
	m.ClientMessages, m.UpstreamMessages = h.Messages[session.Client], h.Messages[session.Upstream]
	m.ClientBytes, m.UpstreamBytes = h.Bytes[session.Client], h.Bytes[session.Upstream]
	m.OpenedPeak, m.MessagesPeak, m.BytesPeak = h.PeakOpened, h.PeakMessages, h.PeakBytes
}
