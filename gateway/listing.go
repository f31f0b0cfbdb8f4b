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
	list := newLeading(page.Offset+page.Limit, order(page.Sort), g.Open())
	chosen := newFilter(filter)
	err := g.onLoops(ctx, func(v *relay.View) {
		if chosen.passes(v) {
			list.add(v)
		}
	})
	if err != nil {
		return api.Connections{}, err
	}
	listed := api.Connections{Total: list.total, Offset: page.Offset, Connections: []api.Connection{}}
	for _, v := range list.from(page.Offset) {
		listed.Connections = append(listed.Connections, g.describe(v))
	}
	return listed, nil
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
				if !chosen.passes(v) {
					continue
				}
				if len(listed.Connections) == page.Limit {
					listed.Next = cursor(loop, v.Slot)
					return listed, nil
				}
				listed.Connections = append(listed.Connections, g.describe(v))
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
