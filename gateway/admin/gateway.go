package admin

import (
	"context"
	"errors"

	"idlegate/gateway/admin/api"
)

// Operated is what the API asks of the gateway. Methods with a context may wait for the event loops, at most until it ends.
type Operated interface {
	Connections
	Figures
	Settings
	Control
	Events
}

// ErrUnknown is what errors wrap that are about a connection, route, upstream or endpoint which there is not.
var ErrUnknown = errors.New("not known")

// Connections are the open ones.
type Connections interface {
	// List gives a page of those that filter lets through.
	List(ctx context.Context, filter api.Filter, page api.Page) (api.Connections, error)
	Explain(ctx context.Context, id uint64) (api.Explanation, error)
	// CloseID ends one connection; CloseAll those that filter lets through, which is not zero, has no Search, and a Client
	// that is whole. The reason is killed.
	CloseID(ctx context.Context, id uint64) error
	CloseAll(ctx context.Context, filter api.Filter) (api.Closed, error)
}

// Figures are what the gateway has counted. A route is a name, or "" for all.
type Figures interface {
	Status(ctx context.Context) (api.Status, error)
	Routes(ctx context.Context) (api.Routes, error)
	Silences(ctx context.Context, route string) (api.Silences, error)
	// Histories have at least the last minutes that are asked for.
	Histories(ctx context.Context, route string, minutes int) (api.Histories, error)
	// Endings gives at most limit of the connections that ended last; reason may be "", and id 0.
	Endings(ctx context.Context, q api.EndedQuery) (api.Endings, error)
	Upstreams(ctx context.Context) (api.Upstreams, error)
	// Advise says which timers a route should have, from what its connections did.
	Advise(ctx context.Context, q api.AdviceQuery) (api.Advices, error)
}

// Events are what happens.
type Events interface {
	// Listen calls heard for each event until ctx ends, heard gives an error, or events were lost since heard took too long. ready is
	// called when none is missed any more, with the last api.MaxLast that were no ends, the oldest first.
	Listen(ctx context.Context, ready func(past []api.Event) error, heard func(api.Event) error) error
	// Note tells those who listen what a caller has done.
	Note(api.Deed)
}

// Settings are those in force.
type Settings interface {
	Effective() api.Effective
	Policies() api.Policies
	// Process says what a report of a fault needs beside figures.
	Process() api.Process
}

// Control changes what the gateway does.
type Control interface {
	// Reload reads the policy file, which then takes over. What is wrong with the file is in the answer; the error is for a
	// gateway that cannot reload at all.
	Reload(ctx context.Context) (api.Reload, error)
	// Previous goes back to the policy before the one in force.
	Previous(ctx context.Context) (api.Reload, error)
	// Plan says what a policy file would change and end; nil: the gateway's own as it is now.
	Plan(ctx context.Context, text []byte) (api.Plan, error)
	// StopRoute makes a route refuse clients, DrainRoute ends those that it has, too; StartRoute takes both back.
	StopRoute(name string) error
	DrainRoute(name string) error
	StartRoute(name string) error
	// LogLevel says that lines of that level and above are written, whatever the file says; "": as it says.
	LogLevel(level string) error
	// Drain stops accepting and ends the gateway within its drain_timeout.
	Drain()
	// DrainEndpoint gives an endpoint no more connections, and ends those that it has within drain_timeout;
	// UndrainEndpoint takes that back.
	DrainEndpoint(upstream, endpoint string) error
	UndrainEndpoint(upstream, endpoint string) error
	// SetEndpoint sets the weight or the state of an endpoint, until the file says otherwise.
	SetEndpoint(upstream, endpoint string, set api.Setting) error
}
