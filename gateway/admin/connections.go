package admin

import (
	"context"

	"idlegate/gateway/admin/api"
)

// exactParams are the parameters that choose open connections for good: what they name and no more.
func exactParams() []string {
	return []string{"route", "client", "endpoint", "state", "idle", "age", "due"}
}

// filterParams are those for looking.
func filterParams() []string { return append(exactParams(), "q") }

func states() []string {
	return []string{
		string(api.Handshake), string(api.Waiting), string(api.Connecting), string(api.Open), string(api.HalfClosed), string(api.Draining),
	}
}

// sortKeys has each key also with the minus that turns its order round.
func sortKeys() []string {
	var keys []string
	for _, key := range api.SortKeys() {
		keys = append(keys, key, "-"+key)
	}
	return keys
}

// maxOffset is beyond all connections that one machine can hold.
const maxOffset = 1 << 30

func (a *ask) filter() api.Filter {
	return api.Filter{
		Route:    a.text("route"),
		Client:   a.text("client"),
		Endpoint: a.text("endpoint"),
		State:    api.State(a.oneOf("state", states())),
		Idle:     a.duration("idle"),
		Age:      a.duration("age"),
		Due:      a.duration("due"),
		Search:   a.text("q"),
	}
}

func (a *ask) limit() int { return a.number("limit", 1, api.MaxLimit, api.DefaultLimit) }

func (c calls) list(ctx context.Context, a *ask) (int, any, error) {
	filter := a.filter()
	page := api.Page{
		Cursor: a.text("cursor"), Sort: a.oneOf("sort", sortKeys()), Offset: a.number("offset", 0, maxOffset, 0), Limit: a.limit(),
	}
	if page.Cursor != "" && (page.Sort != "" || a.text("offset") != "") {
		a.wrong("cursor is given: it has an order of its own, so there must be neither sort nor offset")
	}
	if a.err != nil {
		return 0, nil, a.err
	}
	return ok(c.gateway.List(ctx, filter, page))
}

func (c calls) closeAll(ctx context.Context, a *ask) (int, any, error) {
	filter := a.filter()
	if a.err != nil {
		return 0, nil, a.err
	}
	if filter.Client != "" {
		if _, err := api.ParseClients(filter.Client); err != nil {
			return 0, nil, wrong("client: %v", err)
		}
	}
	if filter.IsZero() {
		return 0, nil, wrong("without a filter this would end every connection: say which ones, as in ?route=devices&idle=10m")
	}
	return ok(c.gateway.CloseAll(ctx, filter))
}

func (c calls) explain(ctx context.Context, a *ask) (int, any, error) {
	id, err := a.id()
	if err != nil {
		return 0, nil, err
	}
	return ok(c.gateway.Explain(ctx, id))
}

func (c calls) closeID(ctx context.Context, a *ask) (int, any, error) {
	id, err := a.id()
	if err != nil {
		return 0, nil, err
	}
	return ok(api.Closed{Closed: 1, IDs: []uint64{id}}, c.gateway.CloseID(ctx, id))
}
