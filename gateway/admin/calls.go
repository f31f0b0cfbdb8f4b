package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

const (
	callTimeout   = 5 * time.Second  // event loops answer within milliseconds unless they are stuck
	reloadTimeout = 20 * time.Second // certificates and addresses are looked up; writeTimeout must be longer
)

// operation is one call of the API, by the name that OpenAPI gives it.
type operation struct {
	method   string
	path     string // after api.Prefix, with {name} where the caller names something
	params   []string
	timeout  time.Duration // 0: callTimeout
	body     bool          // it may come with one
	harmless bool          // it changes nothing, whatever its method
	shared   bool          // one answer may serve several callers, see shared
	answer   func(ctx context.Context, a *ask) (status int, body any, err error)
	stream   http.HandlerFunc // in place of answer, for an answer that goes on
}

// calls answers from a gateway.
type calls struct {
	gateway Operated
	audit   audit
	stopped <-chan struct{} // closed when the server stops
}

// table has every call; openapi.json describes these and no others.
func (c calls) table() []operation {
	const (
		get  = http.MethodGet
		post = http.MethodPost
		del  = http.MethodDelete
	)
	return []operation{
		{method: get, path: "/status", shared: true, answer: c.status},
		{method: get, path: "/connections", params: append(filterParams(), "cursor", "sort", "offset", "limit"), shared: true, answer: c.list},
		{method: del, path: "/connections", params: exactParams(), answer: c.closeAll},
		{method: get, path: "/connections/{id}", answer: c.explain},
		{method: del, path: "/connections/{id}", answer: c.closeID},
		{method: get, path: "/ended", params: []string{"route", "reason", "id", "cursor", "limit"}, answer: c.ended},
		{method: get, path: "/events", params: []string{"kind", "route", "last"}, stream: c.events},
		{method: get, path: "/routes", shared: true, answer: c.routes},
		{method: post, path: "/routes/{name}/stop", answer: c.routeOrder(Operated.StopRoute)},
		{method: del, path: "/routes/{name}/stop", answer: c.routeOrder(Operated.StartRoute)},
		{method: post, path: "/routes/{name}/drain", answer: c.routeOrder(Operated.DrainRoute)},
		{method: del, path: "/routes/{name}/drain", answer: c.routeOrder(Operated.StartRoute)},
		{method: post, path: "/log", params: []string{"level"}, answer: c.logLevel},
		{method: del, path: "/log", answer: c.logAsFile},
		{method: get, path: "/silence", params: []string{"route"}, shared: true, answer: c.silence},
		{method: get, path: "/history", params: []string{"route", "minutes"}, shared: true, answer: c.history},
		{method: get, path: "/policies", answer: c.policies},
		{method: get, path: "/upstreams", shared: true, answer: c.upstreams},
		{method: post, path: "/upstreams/{name}/drain", params: []string{"endpoint"}, answer: c.drainEndpoint},
		{method: del, path: "/upstreams/{name}/drain", params: []string{"endpoint"}, answer: c.undrainEndpoint},
		{method: post, path: "/upstreams/{name}/endpoint", params: []string{"endpoint", "weight", "state"}, answer: c.setEndpoint},
		{method: get, path: "/advice", params: []string{"route", "timer", "tolerance"}, answer: c.advice},
		{method: get, path: "/config", answer: c.config},
		{method: get, path: "/process", answer: c.process},
		{method: post, path: "/plan", timeout: reloadTimeout, body: true, harmless: true, answer: c.plan},
		{method: post, path: "/reload", params: []string{"to"}, timeout: reloadTimeout, answer: c.reload},
		{method: post, path: "/drain", answer: c.drain},
		{method: get, path: "/openapi.json", answer: document},
	}
}

// register adds the calls to mux, and answers to whatever else is asked for below /api/.
func (c calls) register(mux *http.ServeMux) {
	byPath := make(map[string][]operation)
	for _, one := range c.table() {
		byPath[one.path] = append(byPath[one.path], one)
	}
	kept := new(shared)
	for path, all := range byPath {
		mux.Handle(api.Prefix+path, methods{all, c.audit, kept})
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		sentence := fmt.Sprintf("there is no %s; %s/openapi.json describes the calls that there are", clip(r.URL.Path), api.Prefix)
		fail(w, refusal{http.StatusNotFound, sentence})
	})
}

// methods are the calls of one path, told apart by their method.
type methods struct {
	all    []operation
	audit  audit
	shared *shared
}

// ServeHTTP implements http.Handler.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body away
	}
	i := slices.IndexFunc(m.all, func(o operation) bool { return o.method == method })
	if i < 0 {
		w.Header().Set("Allow", m.allowed())
		fail(w, refusal{http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s, not %s", clip(r.URL.Path), m.allowed(), clip(r.Method))})
		return
	}
	m.all[i].serve(w, r, m)
}

func (m methods) allowed() string {
	var names []string
	for _, o := range m.all {
		names = append(names, o.method)
		if o.method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	return strings.Join(names, ", ")
}

func (o operation) serve(w http.ResponseWriter, r *http.Request, of methods) {
	if o.stream != nil {
		o.stream(w, r)
		return
	}
	if o.shared && mayShare(r) {
		status, text, ok := of.shared.get(r, func() (int, []byte) {
			// Others wait for this answer too, so it goes on if its first caller leaves.
			status, body, err := o.run(r.WithContext(context.WithoutCancel(r.Context())))
			if err != nil {
				status, body = failure(err)
			}
			return encode(status, body)
		})
		if ok {
			write(w, status, text)
		}
		return
	}
	status, body, err := o.run(r)
	if err != nil {
		status, body = failure(err)
	}
	if o.method != http.MethodGet && !o.harmless {
		of.shared.clear()
		of.audit.note(r, status, body, err)
	}
	answer(w, status, body)
}

func (o operation) run(r *http.Request) (status int, body any, err error) {
	a, err := newAsk(r, o.params, o.body)
	if err != nil {
		return 0, nil, err
	}
	timeout := o.timeout
	if timeout == 0 {
		timeout = callTimeout
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	status, body, err = o.answer(ctx, a)
	if errors.Is(err, context.DeadlineExceeded) {
		err = refusal{http.StatusServiceUnavailable, fmt.Sprintf("the gateway is busy and did not answer within %s; try again", timeout)}
	}
	return status, body, err
}

// ok is the answer of a call that has nothing to add to what the gateway says.
func ok[T any](body T, err error) (int, any, error) { return http.StatusOK, body, err }

func (c calls) status(ctx context.Context, a *ask) (int, any, error) {
	status, err := c.gateway.Status(ctx)
	status.Viewer = a.Context().Value(shownToken{}) == viewerToken
	return ok(status, err)
}

func (c calls) routes(ctx context.Context, _ *ask) (int, any, error) {
	return ok(c.gateway.Routes(ctx))
}

func (c calls) silence(ctx context.Context, a *ask) (int, any, error) {
	return ok(c.gateway.Silences(ctx, a.text("route")))
}

// mostMinutes are those that a history has.
const mostMinutes = 60

func (c calls) history(ctx context.Context, a *ask) (int, any, error) {
	minutes := a.number("minutes", 1, mostMinutes, mostMinutes)
	if a.err != nil {
		return 0, nil, a.err
	}
	all, err := c.gateway.Histories(ctx, a.text("route"), minutes)
	from := all.Now.Truncate(time.Minute).Add(-time.Duration(minutes-1) * time.Minute)
	for i, h := range all.Histories {
		first := slices.IndexFunc(h.Minutes, func(m api.Minute) bool { return !m.At.Before(from) })
		if first < 0 {
			first = len(h.Minutes)
		}
		all.Histories[i].Minutes = h.Minutes[first:]
	}
	return ok(all, err)
}

func (c calls) policies(context.Context, *ask) (int, any, error) {
	return ok(c.gateway.Policies(), nil)
}

func (c calls) upstreams(ctx context.Context, _ *ask) (int, any, error) {
	return ok(c.gateway.Upstreams(ctx))
}

func (c calls) config(context.Context, *ask) (int, any, error) {
	return ok(c.gateway.Effective(), nil)
}

func (c calls) process(context.Context, *ask) (int, any, error) {
	return ok(c.gateway.Process(), nil)
}

func (c calls) ended(ctx context.Context, a *ask) (int, any, error) {
	reason, id, limit := a.oneOf("reason", api.CloseReasons()), a.number("id", 1, math.MaxInt64, 0), a.limit()
	if a.err != nil {
		return 0, nil, a.err
	}
	return ok(c.gateway.Endings(ctx, api.EndedQuery{Route: a.text("route"), Reason: reason, ID: uint64(id), Limit: limit, Cursor: a.text("cursor")}))
}

// defaultTolerance is one connection in a thousand.
const defaultTolerance = 0.001

func (c calls) advice(ctx context.Context, a *ask) (int, any, error) {
	q := api.AdviceQuery{Route: a.text("route"), Timer: a.oneOf("timer", api.AdvisedTimers()), Tolerance: a.share("tolerance", defaultTolerance)}
	if a.err != nil {
		return 0, nil, a.err
	}
	return ok(c.gateway.Advise(ctx, q))
}

// document gives out the description of the API.
func document(context.Context, *ask) (int, any, error) {
	text, err := files.ReadFile("openapi.json")
	return ok(json.RawMessage(text), err)
}
