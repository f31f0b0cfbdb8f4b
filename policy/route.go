package policy

import (
	"math"
	"net/netip"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Route joins listeners, a protocol, a policy and an upstream.
type Route struct {
	Name             string
	Listen           []Address
	Allow            []netip.Prefix // empty: all
	Deny             []netip.Prefix // wins over Allow
	Limits           Limits
	TCP              TCP
	Protocol         Protocol
	UpstreamProtocol Protocol // equal to Protocol unless written
	Upstream         *Upstream
	ConnectOn        ConnectOn
	Hold             int64   // bytes held of a first message, at most; 0 where ConnectOn is ConnectOnAccept
	Policy           *Policy // its ResetOn is set wherever it is long

	tcp origins // what is written below its tcp; nil for a route that is from no file
}

// Limits bound what one route may take.
type Limits struct {
	Connections int   // 0: no limit
	MessageSize int64 // bytes of the whole unit, either side; 0: no limit
}

// standardMessageSize is the message_size of routes that have messages and say nothing.
const standardMessageSize = 16 * units.MiB

// reserved is the route of what was refused before a route was chosen, in metrics and the log.
const reserved = "none"

// shared is what routes refer to by name.
type shared struct {
	policies  *declared[Policy]
	upstreams *declared[Upstream]
	memory    int64 // gateway.buffer_memory
}

func (c cursor) routes(in shared) []*Route {
	var all []*Route
	lines := map[string]int{}
	c.list(func(c cursor) {
		r := c.route(in)
		name := c.child("name")
		if first := lines[r.Name]; r.Name != "" && first != 0 {
			name.fail("duplicate name %q; the route on line %d has it already", r.Name, first)
		} else {
			lines[r.Name] = name.line
		}
		all = append(all, r)
	})
	c.refuseEmpty("at least one route")
	return all
}

func (c cursor) route(in shared) *Route {
	r := &Route{Limits: Limits{MessageSize: standardMessageSize}, TCP: standardTCP()}
	c.mapping(keys{
		"name":              label(&r.Name),
		"listen":            func(c cursor) { r.Listen = c.listeners(r) },
		"allow":             networks(&r.Allow),
		"deny":              networks(&r.Deny),
		"limits":            func(c cursor) { r.Limits = c.limits() },
		"tcp":               func(c cursor) { r.TCP, r.tcp = c.tcp(), c.origins() },
		"protocol":          func(c cursor) { r.Protocol = c.protocol() },
		"upstream_protocol": func(c cursor) { r.UpstreamProtocol = c.protocol() },
		"upstream":          func(c cursor) { r.Upstream = in.upstreams.refer(c) },
		"connect_on":        func(c cursor) { c.connectOn(r) },
		"policy":            func(c cursor) { r.Policy = c.policyOf(in) },
	})
	c.require("name", "devices")
	c.require("listen", "0.0.0.0:7000")
	c.require("protocol", "raw")
	c.require("upstream", "device_servers")
	c.require("policy", "devices")
	if r.Name == reserved {
		c.child("name").fail("%q is reserved: it stands for connections that no route has taken", reserved)
	}
	if !c.child("upstream_protocol").written() {
		r.UpstreamProtocol = r.Protocol
	}
	r.settle(c)
	r.checkHold(c, in.memory)
	return r
}

// settle fills in the defaults that depend on the protocol, and checks what does.
func (r *Route) settle(c cursor) {
	if r.Protocol.Framing == 0 || r.UpstreamProtocol.Framing == 0 {
		return // reported already
	}
	r.Policy = r.Policy.on(r.Protocol)
	r.warnConnectTimeout(c)
	if r.Protocol.Framing == Raw && r.UpstreamProtocol.Framing == Raw {
		if size := c.child("limits").child("message_size"); size.written() {
			size.fail("has no meaning on raw, which knows no messages; remove it")
		}
		r.Limits.MessageSize = 0
		return
	}
	r.Protocol.checkSize(c.child("protocol"), r.Limits.MessageSize)
	if upstream := c.child("upstream_protocol"); upstream.written() {
		r.UpstreamProtocol.checkSize(upstream, r.Limits.MessageSize)
	}
}

func (c cursor) listeners(r *Route) []Address {
	var all []Address
	c.oneOrList(func(c cursor) {
		if a := c.listener(r); !a.IsZero() {
			all = append(all, a)
		}
	})
	c.refuseEmpty("an address, as in [0.0.0.0:7000]")
	return all
}

func (c cursor) limits() Limits {
	l := Limits{MessageSize: standardMessageSize}
	c.mapping(keys{
		"connections":  limit(&l.Connections, math.MaxInt32),
		"message_size": size(&l.MessageSize, 1, true),
	})
	return l
}

// policyOf reads the name of a policy, or a policy. It is nil where the name is unknown.
func (c cursor) policyOf(in shared) *Policy {
	if c.node.Kind == yaml.ScalarNode {
		return in.policies.refer(c)
	}
	return c.policy("")
}

func routeNodes(routes []*Route) *yaml.Node {
	var items []*yaml.Node
	for _, r := range routes {
		items = append(items, r.node())
	}
	return blockList(items...)
}

func (r *Route) node() *yaml.Node {
	policy := scalarNode(r.Policy.Name)
	if r.Policy.Name == "" {
		policy = r.Policy.node()
	}
	return block(
		pair{"name", scalarNode(r.Name)},
		pair{"listen", listenNode(r.Listen)},
		pair{"allow", networksNode(r.Allow)},
		pair{"deny", networksNode(r.Deny)},
		pair{"limits", r.limitsNode()},
		pair{"tcp", r.tcpNode()},
		pair{"protocol", r.Protocol.node()},
		pair{"upstream_protocol", r.UpstreamProtocol.node()},
		pair{"upstream", scalarNode(r.Upstream.Name)},
		pair{"connect_on", r.connectOnNode()},
		pair{"policy", policy},
	)
}

// tcpNode says in a comment where user_timeout is not the operator's own.
func (r *Route) tcpNode() *yaml.Node {
	n := r.TCP.node()
	if r.UserTimeoutOrigin().From != "" {
		n.LineComment = "user_timeout from keepalive: idle + interval * count"
	}
	return n
}

func (r *Route) limitsNode() *yaml.Node {
	connections := pair{"connections", scalarNode(none)}
	if r.Limits.Connections > 0 {
		connections.value = numberNode(r.Limits.Connections)
	}
	if r.Protocol.Framing == Raw && r.UpstreamProtocol.Framing == Raw {
		return flow(connections)
	}
	return flow(connections, pair{"message_size", scalarNode(units.FormatSize(r.Limits.MessageSize))})
}

func listenNode(addresses []Address) *yaml.Node {
	if len(addresses) == 1 {
		return scalarNode(addresses[0].String())
	}
	var items []*yaml.Node
	for _, a := range addresses {
		items = append(items, scalarNode(a.String()))
	}
	return blockList(items...)
}

// networksNode is nil for none, since an empty list is an error.
func networksNode(prefixes []netip.Prefix) *yaml.Node {
	if len(prefixes) == 0 {
		return nil
	}
	var items []*yaml.Node
	for _, p := range prefixes {
		items = append(items, scalarNode(p.String()))
	}
	return flowList(items...)
}
