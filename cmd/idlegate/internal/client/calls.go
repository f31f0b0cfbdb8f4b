package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"idlegate/gateway/admin/api"
)

// reloadTimeout is for the calls for which the gateway prepares something, which it would not leave half done.
const reloadTimeout = 30 * time.Second

// Status is the gateway as a whole.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return get[api.Status](ctx, c, "/status", nil)
}

// Routes are all routes and what they have counted.
func (c *Client) Routes(ctx context.Context) (api.Routes, error) {
	return get[api.Routes](ctx, c, "/routes", nil)
}

// Silences are how long the open connections have been silent, of one route or of all.
func (c *Client) Silences(ctx context.Context, route string) (api.Silences, error) {
	return get[api.Silences](ctx, c, "/silence", only("route", route))
}

// Ended are at most q.Limit of the connections that ended last. Of more than a page has room for all pages are read.
func (c *Client) Ended(ctx context.Context, q api.EndedQuery) (api.Endings, error) {
	if q.Limit <= api.MaxLimit {
		return c.endedPage(ctx, q)
	}
	all := api.Endings{Ended: []api.Ended{}}
	for page := q; ; {
		page.Limit = min(q.Limit-len(all.Ended), api.MaxLimit)
		if page.Cursor == "" {
			page.Cursor = api.FirstPage
		}
		got, err := c.endedPage(ctx, page)
		if err != nil {
			return all, err
		}
		all.Ended = append(all.Ended, got.Ended...)
		if page.Cursor = got.Next; page.Cursor == "" || len(all.Ended) >= q.Limit {
			return all, nil
		}
	}
}

func (c *Client) endedPage(ctx context.Context, q api.EndedQuery) (api.Endings, error) {
	query := only("route", q.Route)
	if q.Reason != "" {
		query.Set("reason", q.Reason)
	}
	if q.ID != 0 {
		query.Set("id", strconv.FormatUint(q.ID, 10))
	}
	if q.Cursor != "" {
		query.Set("cursor", q.Cursor)
	}
	query.Set("limit", strconv.Itoa(q.Limit))
	return get[api.Endings](ctx, c, "/ended", query)
}

// Raw is the answer to a GET below the prefix of the API, as it came.
func (c *Client) Raw(ctx context.Context, path string) ([]byte, error) {
	status, body, err := c.exchange(ctx, http.MethodGet, path, nil)
	if err == nil && status != http.StatusOK {
		err = c.refusal(status, body)
	}
	return body, err
}

// Upstreams are all upstreams.
func (c *Client) Upstreams(ctx context.Context) (api.Upstreams, error) {
	return get[api.Upstreams](ctx, c, "/upstreams", nil)
}

// Explain is all that is known of one connection.
func (c *Client) Explain(ctx context.Context, id uint64) (api.Explanation, error) {
	return get[api.Explanation](ctx, c, connection(id), nil)
}

// Advise is what the connections tell about the timers of their routes.
func (c *Client) Advise(ctx context.Context, q api.AdviceQuery) (api.Advices, error) {
	query := only("route", q.Route)
	query.Set("tolerance", strconv.FormatFloat(q.Tolerance, 'g', -1, 64))
	if q.Timer != "" {
		query.Set("timer", q.Timer)
	}
	return get[api.Advices](ctx, c, "/advice", query)
}

// CloseID ends one connection; IsUnknown reports of its error that there is none with that id.
func (c *Client) CloseID(ctx context.Context, id uint64) (closed api.Closed, err error) {
	err = c.call(ctx, http.MethodDelete, connection(id), nil, &closed)
	return closed, err
}

// CloseAll ends the connections that filter lets through, which must not be zero.
func (c *Client) CloseAll(ctx context.Context, filter api.Filter) (closed api.Closed, err error) {
	err = c.call(ctx, http.MethodDelete, "/connections", filterQuery(filter), &closed)
	return closed, err
}

// Drain makes the gateway stop accepting and end. The answer is how it stood then.
func (c *Client) Drain(ctx context.Context) (status api.Status, err error) {
	err = c.call(ctx, http.MethodPost, "/drain", nil, &status)
	return status, err
}

// StopRoute makes a route refuse clients. The answer is how the gateway stands then, as of the following.
func (c *Client) StopRoute(ctx context.Context, route string) (api.Status, error) {
	return c.order(ctx, http.MethodPost, "/routes/"+url.PathEscape(route)+"/stop", nil)
}

// StartRoute takes StopRoute and DrainRoute back.
func (c *Client) StartRoute(ctx context.Context, route string) (api.Status, error) {
	return c.order(ctx, http.MethodDelete, "/routes/"+url.PathEscape(route)+"/stop", nil)
}

// DrainRoute makes a route refuse clients, and ends those that it has.
func (c *Client) DrainRoute(ctx context.Context, route string) (api.Status, error) {
	return c.order(ctx, http.MethodPost, "/routes/"+url.PathEscape(route)+"/drain", nil)
}

// LogLevel makes the gateway log lines of a level and above.
func (c *Client) LogLevel(ctx context.Context, level string) (api.Status, error) {
	return c.order(ctx, http.MethodPost, "/log", only("level", level))
}

// LogAsFile takes LogLevel back.
func (c *Client) LogAsFile(ctx context.Context) (api.Status, error) {
	return c.order(ctx, http.MethodDelete, "/log", nil)
}

func (c *Client) order(ctx context.Context, method, path string, query url.Values) (status api.Status, err error) {
	err = c.call(ctx, method, path, query, &status)
	return status, err
}

// DrainEndpoint gives an endpoint no more connections; UndrainEndpoint takes that back. The answer is how the upstreams
// stand afterwards.
func (c *Client) DrainEndpoint(ctx context.Context, upstream, endpoint string) (api.Upstreams, error) {
	return c.endpoint(ctx, http.MethodPost, upstream, endpoint)
}

// UndrainEndpoint takes DrainEndpoint back.
func (c *Client) UndrainEndpoint(ctx context.Context, upstream, endpoint string) (api.Upstreams, error) {
	return c.endpoint(ctx, http.MethodDelete, upstream, endpoint)
}

func (c *Client) endpoint(ctx context.Context, method, upstream, endpoint string) (upstreams api.Upstreams, err error) {
	err = c.call(ctx, method, "/upstreams/"+url.PathEscape(upstream)+"/drain", only("endpoint", endpoint), &upstreams)
	return upstreams, err
}

// SetEndpoint sets the weight of an endpoint, a number or file, and its state; what is "" stays. The answer is how the upstreams stand
// afterwards.
func (c *Client) SetEndpoint(ctx context.Context, upstream, endpoint, weight, state string) (upstreams api.Upstreams, err error) {
	query := only("endpoint", endpoint)
	for key, value := range map[string]string{"weight": weight, "state": state} {
		if value != "" {
			query.Set(key, value)
		}
	}
	err = c.call(ctx, http.MethodPost, "/upstreams/"+url.PathEscape(upstream)+"/endpoint", query, &upstreams)
	return upstreams, err
}

// Reload makes the gateway read its policy file. A file that it refuses is an answer whose OK is false, not an error.
func (c *Client) Reload(ctx context.Context) (api.Reload, error) {
	return judged(ctx, c, "/reload", nil, nil, func(r api.Reload) bool { return r.Trigger != "" })
}

// Previous makes the gateway go back to the policy before the one in force.
func (c *Client) Previous(ctx context.Context) (api.Reload, error) {
	return judged(ctx, c, "/reload", only("to", "previous"), nil, func(r api.Reload) bool { return r.Trigger != "" })
}

// Plan is what a policy file would change and end; of none, that of the gateway as it is now. One that would be refused is an answer
// whose OK is false.
func (c *Client) Plan(ctx context.Context, file []byte) (api.Plan, error) {
	return judged(ctx, c, "/plan", nil, file, func(p api.Plan) bool { return p.OK || p.Error != "" })
}

// judged makes a call whose answer says whether a policy file is taken, and has another status where it is not. whole tells it from
// the error of a call that was not answered so.
func judged[T any](ctx context.Context, c *Client, path string, query url.Values, file []byte, whole func(T) bool) (answer T, err error) {
	patient := *c
	patient.timeout, patient.content = max(c.timeout, reloadTimeout), file
	status, body, err := patient.exchange(ctx, http.MethodPost, path, query)
	if err != nil {
		return answer, err
	}
	answered := status == http.StatusOK || status == http.StatusUnprocessableEntity
	if !answered || json.Unmarshal(body, &answer) != nil || !whole(answer) {
		var none T
		return none, c.refusal(status, body)
	}
	return answer, nil
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (answer T, err error) {
	err = c.call(ctx, http.MethodGet, path, query, &answer)
	return answer, err
}

func connection(id uint64) string { return "/connections/" + strconv.FormatUint(id, 10) }

// only is a query with one member, or with none where its value is "".
func only(key, value string) url.Values {
	query := url.Values{}
	if value != "" {
		query.Set(key, value)
	}
	return query
}
