package relay

import (
	"net/netip"
	"strings"
	"time"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
)

// Candidates are the routes among which the clients of one listener are distributed.
type Candidates struct {
	// Set once, then read only.
	Routes       []*Route       // at least one
	Table        *arrival.Table // chooses among Routes, by their index; nil: there is one, which takes every client
	Proxies      []netip.Prefix // from which a PROXY header must come
	HelloTimeout time.Duration  // from when a client is accepted until its ClientHello is whole
}

// Only returns the candidates of a listener whose clients all take one route.
func Only(r *Route) *Candidates { return &Candidates{Routes: []*Route{r}} }

// Names are those of the routes, for the log.
func (c *Candidates) Names() string {
	names := make([]string, len(c.Routes))
	for i, r := range c.Routes {
		names[i] = r.Name
	}
	return strings.Join(names, " ")
}

// plain returns the route that a client takes of which nothing has to be known; nil: something has.
func (c *Candidates) plain() *Route {
	if c.Table != nil || len(c.Proxies) > 0 {
		return nil
	}
	return c.Routes[0]
}

// stats returns where a client is counted that has no route yet; nil: in those of no route.
func (c *Candidates) stats() *RouteStats {
	if c.Table != nil {
		return nil
	}
	return c.Routes[0].RouteStats
}

// trusts reports whether a PROXY header is awaited from a client at addr.
func (c *Candidates) trusts(addr netip.Addr) bool { return addr.IsValid() && contains(c.Proxies, addr) }

// needsName reports whether the server name decides about a client at addr.
func (c *Candidates) needsName(addr netip.Addr) bool {
	return c.Table != nil && c.Table.NeedsName(addr)
}

// choose returns the route of a client, nil if there is none for it.
func (c *Candidates) choose(name string, addr netip.Addr) *Route {
	if c.Table == nil {
		return c.Routes[0]
	}
	i, ok := c.Table.Route(name, addr)
	if !ok {
		return nil
	}
	return c.Routes[i]
}

// options are those of the listener, which its clients inherit.
func (c *Candidates) options() reactor.Options { return c.Routes[0].SocketOptions() }

// newcomer is a client that was accepted and is no session yet.
type newcomer struct {
	fd      int
	client  netip.AddrPort   // invalid for one of a unix socket
	at      deadline.Instant // when it was accepted; 0: a moment ago
	origin  *Origin          // nil: there is nothing beside client
	placed  bool             // it has its place among the gateway's connections
	counted bool             // its route counts it by its source
}

// Origin is what a client has said before it had a route.
type Origin struct {
	Peer   netip.AddrPort // the proxy that has sent a PROXY header; invalid: none has
	Header arrival.Header
	Hello  *arrival.Hello // nil: nobody has looked for one, or there was none
}

// Proxy returns the address of the proxy that has sent a PROXY header; invalid: none has. o may be nil, as in the following.
func (o *Origin) Proxy() netip.AddrPort {
	if o == nil {
		return netip.AddrPort{}
	}
	return o.Peer
}

// ServerName returns the name by which a client has asked in its ClientHello; "": none is known.
func (o *Origin) ServerName() string {
	if o == nil || o.Hello == nil {
		return ""
	}
	return o.Hello.ServerName
}
