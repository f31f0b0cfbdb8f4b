package gateway

import (
	"fmt"
	"strings"

	"idlegate/gateway/internal/session"
)

// causes is how many clients were refused, by cause.
type causes [session.CauseCount]uint64

// String names the causes with their counts, as metrics name them.
func (c *causes) String() string {
	var all []string
	for cause, n := range c {
		if n > 0 {
			all = append(all, fmt.Sprintf("%s %d", session.Cause(cause), n))
		}
	}
	return strings.Join(all, ", ")
}

// cure says what to do about the cause of most.
func (c *causes) cure() string {
	most := session.Cause(0)
	for cause, n := range c {
		if n > c[most] {
			most = session.Cause(cause)
		}
	}
	return cureOf(most)
}

// cureOf says what to do about a cause.
func cureOf(cause session.Cause) string {
	switch cause {
	case session.Denied:
		return "allow and deny of the route decide: look at the addresses of these clients"
	case session.OverCapacity:
		return "raise gateway.max_connections, or end connections: idlegate close --idle 10m"
	case session.OverRouteLimit:
		return "raise limits.connections of the route, or end connections of it"
	case session.OverSourceLimit:
		return "limits.connections_per_source of the route decides: idlegate connections shows who has most"
	case session.AcceptRate:
		return "limits.accepts_per_second of the route decides: more clients come at once than it lets"
	case session.NoRoute:
		return "match of the routes decides: no route takes these clients, or they do not say in time what they want"
	case session.BadProxyHeader:
		return "accept_proxy_protocol decides: look at the proxy in front, which sends no PROXY header or a malformed one"
	case session.FDLimit:
		return "raise the limit of descriptors (LimitNOFILE, ulimit -n), or lower gateway.max_connections"
	}
	return ""
}

// clients counts them in words.
func clients(n uint64) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}
