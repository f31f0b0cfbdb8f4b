package admin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"idlegate/gateway/admin/api"
)

// count adds ends to the minute of an instant. The caller holds mu.
func (f *fleet) count(route, reason string, at time.Time, n uint64) {
	at = at.Truncate(time.Minute)
	if f.minutes[route] == nil {
		f.minutes[route] = make(map[time.Time]map[string]uint64)
	}
	if f.minutes[route][at] == nil {
		f.minutes[route][at] = make(map[string]uint64)
	}
	f.minutes[route][at][reason] += n
}

// pastHour invents what has ended on a route within the last hour.
func (f *fleet) pastHour(r fleetRoute, now time.Time) {
	reasons := []string{"client_fin", r.timer, "client_fin", "client_reset", "client_fin", "message_timeout"}
	for ago := 59 * time.Minute; ago > 0; ago -= time.Minute {
		n := f.rand.IntN(6)
		f.count(r.name, "client_fin", now.Add(-ago), 1)
		f.count(r.name, reasons[n], now.Add(-ago), uint64(1+f.rand.IntN(12)))
		f.lastID++
		f.ended = append(f.ended, api.Ended{
			ID: f.lastID, Route: r.name, Client: fmt.Sprintf("203.0.113.%d:40%03d", 1+n*30, f.lastID%1000), Endpoint: r.endpoints[0],
			Reason: reasons[n], EndedAt: now.Add(-ago), DurationSeconds: 3.5 * r.timeout.Seconds(),
			LongestSilenceSeconds: 0.7 * r.timeout.Seconds(), ClientBytes: 6400, ClientMessages: 100, UpstreamBytes: 21_000, UpstreamMessages: 100,
		})
	}
	slices.SortStableFunc(f.ended, func(a, b api.Ended) int { return a.EndedAt.Compare(b.EndedAt) })
}

func (f *fleet) Status(context.Context) (api.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := api.Status{
		Version: cmp.Or(f.version, "v0.4.0"), Host: cmp.Or(f.host, "gate-1"), TimeZone: "UTC", Now: f.settle(), Alarms: f.alarms(), ByHand: f.byHand(), StartedAt: f.started, Ready: !f.leaving, AcceptPaused: f.full,
		Connections: int64(len(f.open)), ConnectionsMax: 20_000, Refused: f.unrouted, BufferBytes: 3 << 20, LogDropped: 2, Config: f.config,
	}
	if f.leaving {
		s.Reason = "draining"
	}
	return s, f.failure
}

// alarms are what is wrong with the fleet. The caller holds mu.
func (f *fleet) alarms() (all []api.Alarm) {
	for _, at := range slices.Sorted(maps.Keys(f.ejected)) {
		all = append(all, api.Alarm{
			Kind: api.AlarmEndpointEjected, Level: api.AlarmError, Upstream: "device_servers", Endpoint: at, Since: f.started.Add(time.Hour),
			Text: "endpoint " + at + " of device_servers is ejected after 3 failures in a row: connection refused", Do: "look at that server",
		})
	}
	if f.full {
		all = append(all, api.Alarm{
			Kind: api.AlarmGatewayFull, Level: api.AlarmError, Since: f.started.Add(2 * time.Hour),
			Text: "the gateway is full: 300 of 300 connections are open, and new clients wait or are refused", Do: "raise gateway.max_connections",
		})
	}
	if last := f.config.LastReload; last != nil && !last.OK {
		all = append(all, api.Alarm{
			Kind: api.AlarmFileRefused, Level: api.AlarmError, Since: last.At, Text: "the policy file is refused: " + last.Error, Do: "mend the file",
		})
	}
	if len(f.config.Pending) > 0 {
		all = append(all, api.Alarm{
			Kind: api.AlarmPendingRestart, Level: api.AlarmWarning, Since: f.config.LoadedAt,
			Text: f.config.Pending[0].Text + ": waits for a restart", Do: "start the gateway again when it suits you",
		})
	}
	all = append(all, f.more...)
	api.SortAlarms(all)
	return all
}

func (f *fleet) Routes(context.Context) (api.Routes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	routes := api.Routes{Now: f.settle()}
	for i, r := range f.routes {
		routes.Routes = append(routes.Routes, f.route(r, fmt.Sprintf("0.0.0.0:%d", 7000+i), routes.Now))
	}
	return routes, f.failure
}

func (f *fleet) route(r fleetRoute, listen string, now time.Time) api.Route {
	messages := uint64(now.Sub(f.started).Seconds() * float64(r.size) / 30)
	route := api.Route{
		Name: r.name, Listen: []string{listen}, Protocol: r.protocol, Upstream: r.upstream, Policy: r.policy, Kind: r.kind,
		Limit: 100 * r.size, Opened: 40_000, Closed: make(map[string]uint64),
		ClientMessages: messages, UpstreamMessages: messages + 12, ClientBytes: messages * 64, UpstreamBytes: messages * 210,
	}
	for _, m := range f.open {
		if m.route.name == r.name {
			route.Connections++
		}
	}
	for _, closed := range f.minutes[r.name] {
		for reason, n := range closed {
			route.Closed[reason] += n
		}
	}
	if r.kind == "short" {
		route.DeadlineSeconds = new(r.timeout.Seconds())
	} else {
		route.IdleTimeoutSeconds = new(r.timeout.Seconds())
		route.Timeouts = append(route.Timeouts, api.TimeoutCount{Timeout: r.timer, Action: "closed", Count: route.Closed[r.timer]})
	}
	if r.name == "devices" {
		route.DryRunIdleSeconds = new(float64(30))
		route.Refused = map[string]uint64{"over_source_limit": 14, "denied": 3}
		route.Timeouts = append(route.Timeouts, api.TimeoutCount{Timeout: r.timer, Action: "observed", Count: 518})
	}
	return route
}

func (f *fleet) Silences(_ context.Context, route string) (api.Silences, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var silences api.Silences
	now := f.settle()
	for _, r := range f.routes {
		if route != "" && route != r.name {
			continue
		}
		s := api.Silence{Route: r.name, Bounds: []float64{1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600}}
		s.Counts = make([]uint64, len(s.Bounds)+1)
		for _, m := range f.open {
			if m.route.name != r.name {
				continue
			}
			i, _ := slices.BinarySearch(s.Bounds, m.silence(now).Seconds())
			s.Counts[i]++
			if m.left(now) <= 10*time.Second {
				s.Due++
			}
		}
		silences.Silences = append(silences.Silences, s)
	}
	return silences, f.checkRoute(route)
}

func (f *fleet) Histories(_ context.Context, route string, _ int) (api.Histories, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := api.Histories{Now: f.settle()}
	for _, r := range f.routes {
		if route != "" && route != r.name {
			continue
		}
		one := api.History{Route: r.name}
		for _, at := range slices.SortedFunc(maps.Keys(f.minutes[r.name]), time.Time.Compare) {
			n := uint64(r.size) // it swings by a third within half an hour
			wave := n * uint64(100+33*math.Sin(float64(at.Unix())/300+float64(n))) / 100
			one.Minutes = append(one.Minutes, api.Minute{
				At: at, Closed: maps.Clone(f.minutes[r.name][at]), OpenMax: int64(wave), Opened: 12 + wave/20, Refused: n % 3, ClientMessages: 2_400,
				UpstreamMessages: 2_400, ClientBytes: 153_600, UpstreamBytes: 504_000, OpenedPeak: 3, MessagesPeak: wave / 2, BytesPeak: 90 * wave,
			})
		}
		h.Histories = append(h.Histories, one)
	}
	return h, f.checkRoute(route)
}

func (f *fleet) Endings(_ context.Context, q api.EndedQuery) (api.Endings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
	var endings api.Endings
	for _, e := range slices.Backward(f.ended) {
		if (q.Route == "" || q.Route == e.Route) && (q.Reason == "" || q.Reason == e.Reason) && (q.ID == 0 || q.ID == e.ID) && len(endings.Ended) < q.Limit {
			endings.Ended = append(endings.Ended, e)
		}
	}
	return endings, f.checkRoute(q.Route)
}

func (f *fleet) Upstreams(context.Context) (api.Upstreams, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.settle()
	var upstreams api.Upstreams
	for _, r := range f.firstOf() {
		u := api.Upstream{Name: r.upstream, Balance: "least_connections", Lookups: []api.Lookup{}}
		for i, address := range r.endpoints {
			u.Endpoints = append(u.Endpoints, f.endpoint(address, i, now))
		}
		upstreams.Upstreams = append(upstreams.Upstreams, u)
	}
	return upstreams, cmp.Or(f.noUpstreams, f.failure)
}

func (f *fleet) endpoint(address string, i int, now time.Time) api.Endpoint {
	e := api.Endpoint{
		Address: address, Resolved: address, Weight: 1, Draining: f.drained[address], Healthy: !f.drained[address],
		Connects: map[string]uint64{"ok": 13_000, "refused": 0, "timeout": uint64(i), "failed": 0, "local": 0},
	}
	if hand, set := f.hands[address]; set {
		e.ByHand, e.Weight, e.Healthy = &hand, *cmp.Or(hand.Weight, &e.Weight), hand.State != api.ByHandDown
	}
	if f.ejected[address] {
		until := now.Add(10 * time.Second)
		e.Healthy, e.Failures, e.LastError, e.EjectedUntil = false, 3, "connection refused", &until
	}
	if i < 2 {
		e.LastConnect = &api.Attempt{At: now.Add(-time.Duration(1+i) * time.Second), Result: []string{"ok", "refused"}[i]}
	}
	for _, m := range f.open {
		if m.endpoint == address {
			e.Connections++
		}
	}
	return e
}

// firstOf are the routes of which each is the first that leads to its upstream.
func (f *fleet) firstOf() (first []fleetRoute) {
	for _, r := range f.routes {
		if !slices.ContainsFunc(first, func(other fleetRoute) bool { return other.upstream == r.upstream }) {
			first = append(first, r)
		}
	}
	return first
}

func (f *fleet) DrainEndpoint(upstream, endpoint string) error {
	return f.setDrained(upstream, endpoint, true)
}

func (f *fleet) UndrainEndpoint(upstream, endpoint string) error {
	return f.setDrained(upstream, endpoint, false)
}

func (f *fleet) setDrained(upstream, endpoint string, drained bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.routes {
		if r.upstream == upstream && slices.Contains(r.endpoints, endpoint) {
			f.drained[endpoint] = drained
			return f.failure
		}
	}
	return fmt.Errorf("endpoint %q of upstream %q: %w", endpoint, upstream, ErrUnknown)
}

func (f *fleet) Drain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = true
}
