// Package top is a live view of a running gateway, in a terminal, as plain frames or as JSON.
//
// What is seen is a Sample: what the gateway answers at one instant, and the rates since the instant before. Ends, reloads, health and
// alarms are heard as they happen, and what they change is shown at once. Frame is a pure function that lays a Model, which is all that
// and what the viewer has chosen, out in lines. A View asks, listens to events and keys, and draws:
//
//	gateway ──Ask────▶ Sample ─┐
//	gateway ──Listen─▶ events ─┤
//	keys ──────────────────────┼──▶ Model ──Frame──▶ screen
//	SIGWINCH ──────────────────┘
package top

import (
	"context"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/gateway/admin/api"
)

// Query is what to ask beside the figures of the gateway: which connections, in which order and how many.
type Query struct {
	Route string // "": of all
	Sort  string
	Limit int
}

// Answers are those of a gateway at one instant.
type Answers struct {
	Status      api.Status
	Routes      api.Routes
	Silences    api.Silences
	Connections api.Connections
}

// Ask gets the answers to a query.
type Ask func(context.Context, Query) (Answers, error)

// Source is where all that comes from which is shown.
type Source struct {
	Ask    Ask
	Listen Listen
}

// From asks and listens through a client.
func From(c *client.Client) Source { return Source{Ask: asking(c), Listen: c.Events} }

func asking(c *client.Client) Ask {
	return func(ctx context.Context, q Query) (a Answers, err error) {
		if a.Status, err = c.Status(ctx); err != nil {
			return a, err
		}
		if a.Routes, err = c.Routes(ctx); err != nil {
			return a, err
		}
		if a.Silences, err = c.Silences(ctx, ""); err != nil {
			return a, err
		}
		a.Connections, err = c.Connections(ctx, api.Filter{Route: q.Route}, api.Page{Sort: q.Sort, Limit: q.Limit})
		return a, err
	}
}

// Sample is a gateway at one instant.
type Sample struct {
	Status      api.Status       `json:"status"`
	Routes      []Route          `json:"routes"`
	Connections []api.Connection `json:"-"`
	Events      []api.Event      `json:"events"`  // what has happened since the sample before, of many the latest
	Unheard     string           `json:"unheard"` // why events, or ends only, are not heard; "": they are
}

// Route is a route and how it moves.
type Route struct {
	api.Route
	Due   uint64 `json:"due_within_10s"` // how many of its connections a timer ends within 10 s
	Rates *Rates `json:"rates"`          // null: there is nothing to compare with
}

// Rates are how often something happened in a second, on average since the sample before.
type Rates struct {
	Opened           float64            `json:"opened_per_second"`
	ClientMessages   float64            `json:"client_messages_per_second"`
	UpstreamMessages float64            `json:"upstream_messages_per_second"`
	Closed           map[string]float64 `json:"closed_per_second"` // by reason, those above 0
}

// sample makes one of the answers now and those before; before may be zero.
func sample(before, now Answers) Sample {
	s := Sample{Status: now.Status, Connections: now.Connections.Connections, Routes: []Route{}}
	due := make(map[string]uint64)
	for _, silence := range now.Silences.Silences {
		due[silence.Route] = silence.Due
	}
	for _, route := range now.Routes.Routes {
		s.Routes = append(s.Routes, Route{Route: route, Due: due[route.Name], Rates: rates(before, now, route)})
	}
	return s
}

// rates compares a route with what it was before. A gateway that was started meanwhile, and a route that was taken out and put
// back, count from 0 again: of those nothing is said until the next sample.
func rates(before, now Answers, route api.Route) *Rates {
	seconds := now.Routes.Now.Sub(before.Routes.Now).Seconds()
	if seconds <= 0 || !before.Status.StartedAt.Equal(now.Status.StartedAt) {
		return nil
	}
	for _, was := range before.Routes.Routes {
		if was.Name == route.Name && !restarted(was, route) {
			return &Rates{
				Opened:           float64(route.Opened-was.Opened) / seconds,
				ClientMessages:   float64(route.ClientMessages-was.ClientMessages) / seconds,
				UpstreamMessages: float64(route.UpstreamMessages-was.UpstreamMessages) / seconds,
				Closed:           closedRates(was.Closed, route.Closed, seconds),
			}
		}
	}
	return nil
}

func restarted(was, is api.Route) bool {
	for reason, n := range was.Closed {
		if is.Closed[reason] < n {
			return true
		}
	}
	return is.Opened < was.Opened || is.ClientMessages < was.ClientMessages || is.UpstreamMessages < was.UpstreamMessages
}

func closedRates(was, is map[string]uint64, seconds float64) map[string]float64 {
	rates := make(map[string]float64)
	for reason, n := range is {
		if n > was[reason] {
			rates[reason] = float64(n-was[reason]) / seconds
		}
	}
	return rates
}
