package gateway

import (
	"slices"

	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/upstream"
)

// departed is what is no longer in the policy file and may still have connections. A route that comes back under
// the name of one that still drains is the same one, and takes its connections back; so is an endpoint of an upstream.
type departed struct {
	routes    []*route
	endpoints []goneEndpoint
}

type goneEndpoint struct {
	of *backends
	*upstream.Endpoint
}

// inUse returns what still has connections. What has gone by the last edit may have none and yet get one: a client may have
// been let in before the loops heard of it.
func (d departed) inUse() (left departed) {
	for _, r := range d.routes {
		if r.Open() > 0 {
			left.routes = append(left.routes, r)
		}
	}
	for _, e := range d.endpoints {
		if e.Open() > 0 {
			left.endpoints = append(left.endpoints, e)
		}
	}
	return left
}

// without returns d less what is back in next.
func (d departed) without(next *generation) departed {
	d.endpoints = slices.DeleteFunc(slices.Clone(d.endpoints), func(e goneEndpoint) bool { return next.has(e.Endpoint) })
	d.routes = slices.DeleteFunc(slices.Clone(d.routes), func(r *route) bool { return next.route(r.Name) != nil })
	return d
}

// and returns what has gone before and what has gone now.
func (d departed) and(now departed) departed {
	return departed{routes: slices.Concat(d.routes, now.routes), endpoints: slices.Concat(d.endpoints, now.endpoints)}
}

// route returns the route of that name, nil if there is none.
func (d departed) route(name string) *route {
	i := slices.IndexFunc(d.routes, func(r *route) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return d.routes[i]
}

// upstream returns what is kept of the upstream of that name while a route or an endpoint that drains still needs it.
func (d departed) upstream(name string) *relay.Upstream {
	for _, e := range slices.Backward(d.endpoints) {
		if e.of.Name == name {
			return e.of.Upstream
		}
	}
	for _, r := range slices.Backward(d.routes) {
		if r.Upstream.Name == name {
			return r.Upstream
		}
	}
	return nil
}
