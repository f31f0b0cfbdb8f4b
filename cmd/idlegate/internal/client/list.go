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

// All joins pages until it has limit connections, or all where limit is 0. Connections come and go between two pages: each
// is in the answer once, but one that moves to an earlier page meanwhile is missed. Total is as the last page has it.
func (c *Client) All(ctx context.Context, filter api.Filter, sort string, limit int) (api.Connections, error) {
	all := api.Connections{Connections: []api.Connection{}}
	seen := map[uint64]bool{}
	for offset := 0; ; {
		page := api.Page{Sort: sort, Offset: offset, Limit: api.MaxLimit}
		if limit > 0 {
			page.Limit = min(page.Limit, limit-len(all.Connections))
		}
		got, err := c.Connections(ctx, filter, page)
		if err != nil {
			return all, err
		}
		all.Total = got.Total
		for _, one := range got.Connections {
			if !seen[one.ID] {
				seen[one.ID] = true
				all.Connections = append(all.Connections, one)
			}
		}
		offset += len(got.Connections)
		if limit > 0 && len(all.Connections) >= limit {
			all.Connections = all.Connections[:limit]
			return all, nil
		}
		if len(got.Connections) == 0 || offset >= got.Total {
			return all, nil
		}
	}
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
