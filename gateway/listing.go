package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// viewSlots is how many connections a loop copies before others have their turn: some 0.1 ms.
const viewSlots = 256

// eachView calls f with a copy of each open connection, which is overwritten afterwards.
func (g *Gateway) eachView(ctx context.Context, f func(*relay.View)) error {
	room := make([]relay.View, 0, viewSlots) // made once: the loops shall only copy
	for i := range g.loops {
		for next, more := int32(0), true; more; {
			part, err := g.viewsOf(ctx, i, room, next)
			if err != nil {
				return err
			}
			for j := range part.views {
				f(&part.views[j])
			}
			next, more = part.next, part.more
		}
	}
	return nil
}

// partOfViews is what one loop has copied in one turn.
type partOfViews struct {
	views []relay.View
	next  int32 // slot to go on with
	more  bool
}

// viewsOf has a loop copy the connections in its next slots into room. A loop that has ended has none. After an error room is the
// loop's, which may still be writing.
func (g *Gateway) viewsOf(ctx context.Context, loop int, room []relay.View, first int32) (partOfViews, error) {
	l, answer := g.loops[loop], make(chan partOfViews, 1)
	if !l.Post(func() {
		var p partOfViews
		p.views, p.next, p.more = l.Views(room, first, viewSlots)
		answer <- p
	}) {
		return partOfViews{}, nil
	}
	select {
	case part := <-answer:
		return part, nil
	case <-ctx.Done():
		return partOfViews{}, fmt.Errorf("ask event loop %d for its connections: %w", loop, ctx.Err())
	}
}

// seekSlots is how many connections a loop looks at before others have their turn, where it copies one of them at most.
const seekSlots = 2048

// find copies the connection with that id; false: there is none.
func (g *Gateway) find(ctx context.Context, id uint64) (relay.View, bool, error) {
	type part struct {
		view        relay.View
		next        int32
		found, more bool
	}
	for i, l := range g.loops {
		for last := (part{more: true}); last.more; {
			answer, first := make(chan part, 1), last.next
			if !l.Post(func() {
				var p part
				p.view, p.found, p.next, p.more = l.Find(id, first, seekSlots)
				answer <- p
			}) {
				break // it has ended, and so have its connections
			}
			select {
			case last = <-answer:
			case <-ctx.Done():
				return relay.View{}, false, fmt.Errorf("ask event loop %d for connection %d: %w", i, id, ctx.Err())
			}
			if last.found {
				return last.view, true, nil
			}
		}
	}
	return relay.View{}, false, nil
}

// List gives a page of the open connections that filter lets through.
func (g *Gateway) List(ctx context.Context, filter api.Filter, page api.Page) (api.Connections, error) {
	if err := g.known(filter.Route); err != nil {
		return api.Connections{}, err
	}
	if page.Cursor != "" {
		return g.walk(ctx, newFilter(filter), page)
	}
	list := longList{most: page.Offset + page.Limit, sort: page.Sort}
	chosen := newFilter(filter)
	err := g.eachView(ctx, func(v *relay.View) {
		if c := g.describe(v); chosen.passes(v, &c) {
			list.add(c)
		}
	})
	if err != nil {
		return api.Connections{}, err
	}
	all := list.first()
	return api.Connections{
		Total: list.total, Offset: page.Offset, Connections: append([]api.Connection{}, all[min(page.Offset, len(all)):]...),
	}, nil
}

// longList keeps the first of a list that it has not whole.
type longList struct {
	most  int // that are wanted
	sort  string
	total int // that were added
	kept  []api.Connection
}

func (l *longList) add(c api.Connection) {
	l.total++
	l.kept = append(l.kept, c)
	if len(l.kept) >= 2*l.most+viewSlots {
		l.kept = l.first()
	}
}

// first returns those that are wanted, in their order.
func (l *longList) first() []api.Connection {
	api.Sort(l.kept, l.sort)
	return l.kept[:min(l.most, len(l.kept))]
}

// walk gives the page that begins at a cursor: each connection is held at one place as long as it is open, so who goes on from the
// end of each page meets each of them once, at the price of looking at each once.
func (g *Gateway) walk(ctx context.Context, chosen filter, page api.Page) (api.Connections, error) {
	loop, slot, err := parseCursor(page.Cursor)
	if err != nil {
		return api.Connections{}, err
	}
	listed := api.Connections{Connections: []api.Connection{}}
	room := make([]relay.View, 0, viewSlots)
	for ; loop < len(g.loops); loop, slot = loop+1, 0 {
		for more := true; more; {
			part, err := g.viewsOf(ctx, loop, room, slot)
			if err != nil {
				return api.Connections{}, err
			}
			for i := range part.views {
				v := &part.views[i]
				c := g.describe(v)
				if !chosen.passes(v, &c) {
					continue
				}
				if len(listed.Connections) == page.Limit {
					listed.Next = cursor(loop, v.Slot)
					return listed, nil
				}
				listed.Connections = append(listed.Connections, c)
				listed.Total++
			}
			slot, more = part.next, part.more
		}
	}
	return listed, nil
}

// cursor names a place where connections are held.
func cursor(loop int, slot int32) string { return fmt.Sprintf("%d-%d", loop, slot) }

func parseCursor(s string) (loop int, slot int32, err error) {
	if s == api.FirstPage {
		return 0, 0, nil
	}
	before, after, _ := strings.Cut(s, "-")
	at, wrong := strconv.ParseUint(before, 10, 31)
	in, wrongToo := strconv.ParseUint(after, 10, 31)
	if wrong != nil || wrongToo != nil {
		return 0, 0, fmt.Errorf("cursor %q is %w: it is %s, or what a page said is next", s, admin.ErrUnknown, api.FirstPage)
	}
	return int(at), int32(in), nil
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
		ClientBytes:    s.FromClient.Bytes, ClientMessages: s.FromClient.Messages,
		UpstreamBytes: s.FromUpstream.Bytes, UpstreamMessages: s.FromUpstream.Messages,
		ClientHeartbeats: uint64(s.FromClient.Heartbeats), UpstreamHeartbeats: uint64(s.FromUpstream.Heartbeats),
	}
	if v.Endpoint != nil {
		c.Endpoint = v.Endpoint.Name
	}
	c.Proxy, c.ServerName = proxyText(v.Origin.Proxy()), v.Origin.ServerName()
	c.TLS, c.UpstreamTLS = tlsOf(v.TLS[session.Client]), tlsOf(v.TLS[session.Upstream])
	if f := v.TLS[session.Client]; f != nil && c.ServerName == "" {
		c.ServerName = f.ServerName
	}
	if t, at := s.NextTimer(&v.Route.Rules); t != deadline.None {
		c.NextTimer, c.DueSeconds = t.String(), until(at, v.At)
	}
	if left := until(v.DrainBy, v.At); left != nil && (c.DueSeconds == nil || *left < *c.DueSeconds) {
		c.NextTimer, c.DueSeconds = "drain_timeout", left
	}
	return c
}

// tlsOf describes what a handshake has settled, nil for none.
func tlsOf(f *tlsio.Facts) *api.TLS {
	if f == nil {
		return nil
	}
	return &api.TLS{
		Version: f.VersionName(), Cipher: f.CipherName(), ServerName: f.ServerName, ALPN: f.Protocol, Certificate: f.Subject, Resumed: f.Resumed,
	}
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
	case v.Draining != session.Open:
		return api.Draining
	case v.State == relay.Shaking:
		return api.Handshake
	case v.State == relay.Awaiting:
		return api.Waiting
	case v.State == relay.Dialling:
		return api.Connecting
	case v.Session.FromClient.FIN || v.Session.FromUpstream.FIN:
		return api.HalfClosed
	}
	return api.Open
}

// filter is an api.Filter that is ready to be used on many connections.
type filter struct {
	api.Filter
	clients *api.Clients // nil: Client is searched for in the address
}

func newFilter(f api.Filter) filter {
	made := filter{Filter: f}
	if clients, err := api.ParseClients(f.Client); err == nil {
		made.clients = &clients
	}
	return made
}

// passes reports whether f lets v through, which c describes.
func (f *filter) passes(v *relay.View, c *api.Connection) bool {
	switch {
	case f.Route != "" && c.Route != f.Route,
		f.clients != nil && !f.clients.Has(v.Client),
		f.clients == nil && !strings.Contains(c.Client, f.Client),
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

// seconds is d for the API, nil where 0 says that it is off.
func seconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	s := d.Seconds()
	return &s
}
