package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"idlegate/gateway/admin"
	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/relay"
)

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
