package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"idlegate/gateway/admin/api"
)

// Connections is one page of the open connections.
func (c *Client) Connections(ctx context.Context, filter api.Filter, page api.Page) (api.Connections, error) {
	query := filterQuery(filter)
	if page.Cursor != "" {
		query.Set("cursor", page.Cursor)
	}
	if page.Sort != "" {
		query.Set("sort", page.Sort)
	}
	if page.Offset > 0 {
		query.Set("offset", strconv.Itoa(page.Offset))
	}
	if page.Limit > 0 {
		query.Set("limit", strconv.Itoa(page.Limit))
	}
	return get[api.Connections](ctx, c, "/connections", query)
}

// All is the first connections of a listing, at most limit, or all where limit is 0. Connections come and go while it is read: what
// is open all the while is in the answer, once.
func (c *Client) All(ctx context.Context, filter api.Filter, sort string, limit int) (api.Connections, error) {
	if limit > 0 && limit <= api.MaxLimit {
		all, err := c.Connections(ctx, filter, api.Page{Sort: sort, Limit: limit})
		all.Connections = all.Connections[:min(limit, len(all.Connections))]
		return all, err
	}
	all, err := c.walk(ctx, filter)
	if err != nil {
		return all, err
	}
	api.Sort(all.Connections, sort)
	all.Total = len(all.Connections)
	if limit > 0 {
		all.Connections = all.Connections[:min(limit, all.Total)]
	}
	return all, nil
}

// walk joins all pages, which come in the order in which the gateway holds connections.
func (c *Client) walk(ctx context.Context, filter api.Filter) (api.Connections, error) {
	all := api.Connections{Connections: []api.Connection{}}
	for page := (api.Page{Cursor: api.FirstPage, Limit: api.MaxLimit}); page.Cursor != ""; {
		got, err := c.Connections(ctx, filter, page)
		if err != nil {
			return all, err
		}
		all.Connections = append(all.Connections, got.Connections...)
		page.Cursor = got.Next
	}
	return all, nil
}

// filterQuery writes a filter as the API reads it. Durations are whole milliseconds.
func filterQuery(f api.Filter) url.Values {
	query := url.Values{}
	for key, value := range map[string]string{
		"route": f.Route, "client": f.Client, "endpoint": f.Endpoint, "state": string(f.State), "q": f.Search,
	} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for key, value := range map[string]time.Duration{"idle": f.Idle, "age": f.Age, "due": f.Due} {
		if value > 0 {
			query.Set(key, strconv.FormatInt(value.Milliseconds(), 10)+"ms")
		}
	}
	return query
}
