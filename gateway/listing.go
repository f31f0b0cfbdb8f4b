package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
)

// viewSlots is how many connections a loop copies before others have their turn: some 0.1 ms.
const viewSlots = 256

// views copies all open connections.
func (g *Gateway) views(ctx context.Context) (all []relay.View, err error) {
	type part struct {
		views []relay.View
		next  int32
		more  bool
	}
	for i, l := range g.loops {
		for last := (part{more: true}); last.more; {
			answer := make(chan part, 1)
			first, room := last.next, make([]relay.View, 0, viewSlots) // made here: the loop shall only copy
			if !l.Post(func() {
				var p part
				p.views, p.next, p.more = l.Views(room, first, viewSlots)
				answer <- p
			}) {
				break // it has ended, and so have its connections
			}
			select {
			case last = <-answer:
				all = append(all, last.views...)
			case <-ctx.Done():
				return nil, fmt.Errorf("ask event loop %d for its connections: %w", i, ctx.Err())
			}
		}
	}
	return all, nil
}

// List gives a page of the open connections that filter lets through.
func (g *Gateway) List(ctx context.Context, filter api.Filter, page api.Page) (api.Connections, error) {
	if err := g.known(filter.Route); err != nil {
		return api.Connections{}, err
	}
	views, err := g.views(ctx)
	if err != nil {
		return api.Connections{}, err
	}
	var found []api.Connection
	for i := range views {
		if c := g.describe(&views[i]); matches(&c, &filter) {
			found = append(found, c)
		}
	}
	sortConnections(found, page.Sort)
	from := min(page.Offset, len(found))
	to := min(from+page.Limit, len(found))
	return api.Connections{Total: len(found), Offset: page.Offset, Connections: append([]api.Connection{}, found[from:to]...)}, nil
}

// known returns an error where there is no route of that name, nor one that still has connections; "" is all.
func (g *Gateway) known(name string) error {
	now, gone := g.served()
	of := func(r *route) bool { return r.Name == name }
	if name == "" || now.route(name) != nil || slices.ContainsFunc(gone.routes, of) {
		return nil
	}
	return fmt.Errorf("route %q is %w", name, admin.ErrUnknown)
}

// describe puts a connection into the words of the API.
func (g *Gateway) describe(v *relay.View) api.Connection {
	s := &v.Session
	c := api.Connection{
		ID: v.ID, Route: v.Route.Name, Client: clientText(v.Client), State: stateOf(v),
		OpenedAt: g.clock.Wall(int64(s.Events.Accepted)), AgeSeconds: s.Age(v.At).Seconds(),
		SilenceSeconds: v.At.Since(s.LastMessage).Seconds(),
		ClientBytes:    s.Flows[session.Client].Bytes, ClientMessages: s.Flows[session.Client].Messages,
		UpstreamBytes: s.Flows[session.Upstream].Bytes, UpstreamMessages: s.Flows[session.Upstream].Messages,
	}
	if v.Endpoint != nil {
		c.Endpoint = v.Endpoint.Name
	}
	if t, at := s.NextTimer(&v.Route.Rules); t != deadline.None {
		c.NextTimer, c.DueSeconds = t.String(), until(at, v.At)
	}
	if left := until(v.LeaveBy, v.At); left != nil && (c.DueSeconds == nil || *left < *c.DueSeconds) {
		c.NextTimer, c.DueSeconds = "drain_timeout", left
	}
	return c
}

// until returns in seconds how long it is from now to at, nil for never. What is overdue is due now.
func until(at, now deadline.Instant) *float64 {
	if at == deadline.Never {
		return nil
	}
	seconds := max(0, at.Since(now)).Seconds()
	return &seconds
}

func stateOf(v *relay.View) api.State {
	switch {
	case v.Leaving != session.Open:
		return api.Draining
	case v.State == relay.Awaiting:
		return api.Waiting
	case v.State == relay.Dialling:
		return api.Connecting
	case v.Session.Flows[session.Client].FIN || v.Session.Flows[session.Upstream].FIN:
		return api.HalfClosed
	}
	return api.Open
}

func matches(c *api.Connection, f *api.Filter) bool {
	switch {
	case f.Route != "" && c.Route != f.Route,
		f.Client != "" && !strings.Contains(c.Client, f.Client),
		f.Endpoint != "" && c.Endpoint != f.Endpoint,
		f.State != "" && c.State != f.State,
		f.Idle > 0 && c.SilenceSeconds < f.Idle.Seconds(),
		f.Age > 0 && c.AgeSeconds < f.Age.Seconds(),
		f.Due > 0 && (c.DueSeconds == nil || *c.DueSeconds > f.Due.Seconds()):
		return false
	}
	return f.Search == "" || containsFold(strconv.FormatUint(c.ID, 10), f.Search) || containsFold(c.Route, f.Search) ||
		containsFold(c.Client, f.Search) || containsFold(c.Endpoint, f.Search)
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// sortConnections sorts by a key of api.SortKeys; equals by id.
func sortConnections(all []api.Connection, key string) {
	key, down := strings.CutPrefix(key, "-")
	by := order(key)
	slices.SortFunc(all, func(a, b api.Connection) int {
		if key == "due" && (a.DueSeconds == nil) != (b.DueSeconds == nil) {
			return by(&a, &b) // those that no timer ends are last either way
		}
		n := by(&a, &b)
		if down {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.ID, b.ID))
	})
}

func order(key string) func(a, b *api.Connection) int {
	type pair = *api.Connection
	switch key {
	case "route":
		return func(a, b pair) int { return cmp.Compare(a.Route, b.Route) }
	case "client":
		return compareClients
	case "endpoint":
		return func(a, b pair) int { return cmp.Compare(a.Endpoint, b.Endpoint) }
	case "state":
		return func(a, b pair) int { return cmp.Compare(a.State, b.State) }
	case "age":
		return func(a, b pair) int { return cmp.Compare(a.AgeSeconds, b.AgeSeconds) }
	case "silence":
		return func(a, b pair) int { return cmp.Compare(a.SilenceSeconds, b.SilenceSeconds) }
	case "bytes":
		return func(a, b pair) int {
			return cmp.Compare(a.ClientBytes+a.UpstreamBytes, b.ClientBytes+b.UpstreamBytes)
		}
	case "messages":
		return func(a, b pair) int {
			return cmp.Compare(a.ClientMessages+a.UpstreamMessages, b.ClientMessages+b.UpstreamMessages)
		}
	case "due":
		return compareDue
	}
	return func(a, b pair) int { return cmp.Compare(a.ID, b.ID) }
}

// compareClients orders addresses as numbers, not as text.
func compareClients(a, b *api.Connection) int {
	from, err := netip.ParseAddrPort(a.Client)
	to, other := netip.ParseAddrPort(b.Client)
	if err != nil || other != nil {
		return cmp.Compare(a.Client, b.Client)
	}
	return from.Compare(to)
}

func compareDue(a, b *api.Connection) int {
	switch {
	case a.DueSeconds != nil && b.DueSeconds != nil:
		return cmp.Compare(*a.DueSeconds, *b.DueSeconds)
	case a.DueSeconds != nil:
		return -1
	case b.DueSeconds != nil:
		return 1
	}
	return 0
}

// CloseID ends one connection.
func (g *Gateway) CloseID(ctx context.Context, id uint64) error {
	killed, err := g.kill(ctx, func(v *relay.View) bool { return v.ID == id })
	if err == nil && len(killed) == 0 {
		return fmt.Errorf("connection %d is %w", id, admin.ErrUnknown)
	}
	return err
}

// CloseAll ends the connections that filter lets through.
func (g *Gateway) CloseAll(ctx context.Context, filter api.Filter) (api.Closed, error) {
	if err := g.known(filter.Route); err != nil {
		return api.Closed{}, err
	}
	killed, err := g.kill(ctx, func(v *relay.View) bool {
		c := g.describe(v)
		return matches(&c, &filter)
	})
	if err != nil {
		return api.Closed{}, err
	}
	slices.Sort(killed)
	return api.Closed{Closed: len(killed), IDs: append([]uint64{}, killed[:min(len(killed), api.MaxLimit)]...)}, nil
}

// kill ends the connections that choose picks. Each is looked at once more in the instant in which it is ended.
func (g *Gateway) kill(ctx context.Context, choose func(*relay.View) bool) (ids []uint64, err error) {
	views, err := g.views(ctx)
	if err != nil {
		return nil, err
	}
	chosen := make([][]relay.View, len(g.loops))
	for i := range views {
		if v := &views[i]; choose(v) {
			chosen[v.Loop] = append(chosen[v.Loop], *v)
		}
	}
	for i, l := range g.loops {
		for part := range slices.Chunk(chosen[i], viewSlots) {
			answer := make(chan []uint64, 1)
			if !l.Post(func() { answer <- l.Kill(part, choose) }) {
				break
			}
			select {
			case killed := <-answer:
				ids = append(ids, killed...)
			case <-ctx.Done():
				return ids, fmt.Errorf("ask event loop %d to close connections: %w", i, ctx.Err())
			}
		}
	}
	return ids, nil
}

// seconds is d for the API, nil where 0 says that it is off.
func seconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	s := d.Seconds()
	return &s
}
