package gateway

import (
	"strconv"
	"strings"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/relay"
)

// filter is an api.Filter that is ready to be used on many connections.
type filter struct {
	api.Filter
	clients *api.Clients // nil: Client is searched for in the address
	search  string       // Search in small letters
}

func newFilter(f api.Filter) filter {
	made := filter{Filter: f, search: strings.ToLower(f.Search)}
	if clients, err := api.ParseClients(f.Client); err == nil {
		made.clients = &clients
	}
	return made
}

// passes reports whether f lets v through.
func (f *filter) passes(v *relay.View) bool {
	switch {
	case f.Route != "" && v.Route.Name != f.Route,
		f.clients != nil && !f.clients.Has(v.Client),
		f.clients == nil && f.Client != "" && !strings.Contains(clientText(v.Client), f.Client),
		f.Endpoint != "" && endpointOf(v) != f.Endpoint,
		f.State != "" && stateOf(v) != f.State,
		f.Idle > 0 && silenceOf(v) < f.Idle,
		f.Age > 0 && v.Session.Age(v.At) < f.Age,
		f.Due > 0 && dueIn(v) > f.Due:
		return false
	}
	return f.search == "" || strings.Contains(strconv.FormatUint(v.ID, 10), f.search) || f.isIn(v.Route.Name) ||
		f.isIn(clientText(v.Client)) || f.isIn(endpointOf(v))
}

func (f *filter) isIn(s string) bool { return strings.Contains(strings.ToLower(s), f.search) }
