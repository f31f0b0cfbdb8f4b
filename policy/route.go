package policy

import (
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"
)

// Route joins listeners, a protocol, a policy and an upstream.
type Route struct {
	Name                string
	Listen              []Address
	Match               Match
	AcceptProxyProtocol AcceptProxyProtocol
	Allow               []netip.Prefix // empty: all
	Deny                []netip.Prefix // wins over Allow
	Limits              Limits
	TCP                 TCP
	TLS                 RouteTLS // with clients
	Protocol            Protocol
	UpstreamProtocol    Protocol // equal to Protocol unless written
	Upstream            *Upstream
	Opaque              Opaque
	ConnectOn           ConnectOn
	Hold                int64   // bytes held of a first message, at most; 0 where ConnectOn is ConnectOnAccept
	Policy              *Policy // its ResetOn is set wherever it is long

	tcp origins // what is written below its tcp; nil for a route that is from no file
}

// Limits bound what one route may take.
type Limits struct {
	Connections          int // 0: no limit
	ConnectionsPerSource int // 0: no limit
	AcceptsPerSecond     int // 0: no limit
	MessagesPerSecond    MessageRate
	BytesPerSecond       int64 // of a connection, from the client; 0: no limit
	MinRate              MinRate
	MessageSize          int64 // bytes of the whole unit, either side; 0: no limit
}

// NoRoute is the route of what was refused before a route was chosen, in metrics and the log. No route can have that name.
const NoRoute = "none"

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

func (r *Route) keys(in shared) keys {
	return keys{
		{name: "name", takes: name(&r.Name), example: "devices", doc: "letters, digits and `_ - .`; the `route` of log, metrics and API"},
		{name: "listen", takes: r.listen(), example: "0.0.0.0:7000", doc: "the address, or a list of addresses, at which clients are accepted"},
		{name: "match", takes: r.Match.value(), without: "the clients that no other route takes", doc: "which clients the route takes of those that come to `listen`, which several routes may share. " +
			"The most exact server name wins, then the longest source; who matches no route is refused as `no_route`"},
		{name: "accept_proxy_protocol", takes: r.AcceptProxyProtocol.value(), without: "nobody's", doc: "whose PROXY headers, of version 1 or 2, say where a client comes from. What they say is what `match`, `allow`, `deny`, limits, log and `source_hash` go by"},
		{name: "allow", takes: networks(&r.Allow), without: "all", doc: "networks (`10.0.0.0/8`) whose clients are accepted"},
		{name: "deny", takes: networks(&r.Deny), without: "nobody", doc: "networks whose clients are refused; wins over `allow`"},
		{name: "limits", takes: mapping(r.Limits.keys()).printed(r.limitsNode), doc: "limits of the route"},
		{name: "tls", takes: r.TLS.value(), without: "clients speak no TLS to the gateway", doc: "the TLS that clients speak to the gateway, as in `{cert: gate.pem, key: gate.key}`"},
		{name: "tcp", takes: mapping(r.TCP.keys()).then(r.settleTCP).printed(r.tcpNode), doc: "socket options, towards client and upstream"},
		{name: "protocol", takes: r.Protocol.value(r.Protocol.heartbeatKey()), example: "raw", doc: "how messages are told apart; see Protocols"},
		{name: "upstream_protocol", takes: r.upstreamProtocol(), without: "as `protocol`", doc: "where those of the backend end, if otherwise"},
		{name: "upstream", takes: in.upstreams.name(&r.Upstream), example: "device_servers", doc: "the name of an upstream"},
		{name: "connect_on", takes: r.connectOn(), standard: "accept",
			doc: "when the gateway connects to the backend: `accept` at once, `first_message` once the client has sent a whole message"},
		{name: "opaque", takes: r.opaque(), standard: "forward",
			doc: "what becomes of a connection whose protocol turns opaque, as by TLS inside of it: `forward` passes it on as `raw` would, `close` ends it as `protocol_error`"},
		{name: "policy", takes: r.policyValue(in), example: "devices", doc: "the name of a policy, or a policy in place"},
	}
}

func (c cursor) route(in shared) *Route {
	r := &Route{}
	list := r.keys(in)
	list.setDefaults()
	c.mapping(list)
	if r.Name == NoRoute {
		c.child("name").fail("%q is reserved: it stands for connections that no route has taken", NoRoute)
	}
	if !c.child("upstream_protocol").written() {
		r.UpstreamProtocol = r.Protocol
		r.UpstreamProtocol.Heartbeat = Heartbeat{}
	}
	c.r.remember(r, c)
	r.warnMatch(c)
	r.settle(c)
	r.checkHold(c, in.memory)
	return r
}

// remember keeps where a route is written.
func (r *reader) remember(route *Route, at cursor) {
	if r.routes == nil {
		r.routes = map[*Route]cursor{}
	}
	r.routes[route] = at
}

// settle fills in the defaults that depend on the protocol, and checks what does.
func (r *Route) settle(c cursor) {
	if r.Protocol.Framing == 0 || r.UpstreamProtocol.Framing == 0 {
		return // reported already
	}
	r.Policy = r.Policy.on(r.Protocol)
	r.warnConnectTimeout(c)
	r.checkHeartbeat(c)
	r.checkNamed(c)
	r.checkTimers(c)
	if !r.hasMessages() {
		if size := c.child("limits").child("message_size"); size.written() {
			size.fail("has no meaning on raw, which knows no messages; remove it")
		}
		r.Limits.MessageSize = 0
		if rate := c.child("limits").child("messages_per_second"); rate.written() {
			rate.fail("has no meaning on raw, which knows no messages; write bytes_per_second")
		}
		r.Limits.MessagesPerSecond = MessageRate{}
		return
	}
	r.Protocol.checkSize(c.child("protocol"), r.Limits.MessageSize)
	if upstream := c.child("upstream_protocol"); upstream.written() {
		r.UpstreamProtocol.checkSize(upstream, r.Limits.MessageSize)
	}
}

// upstreamProtocol takes a protocol without a heartbeat.
func (r *Route) upstreamProtocol() value {
	v := r.UpstreamProtocol.value().printed(func() *yaml.Node {
		if r.UpstreamProtocol.Traits().Named {
			return nil // it is printed once
		}
		return r.UpstreamProtocol.node()
	})
	read := v.read
	return v.reading(func(c cursor) {
		c.elsewhere = func(key string) string {
			if key == "heartbeat" {
				return "; it belongs in protocol, and is one in both directions"
			}
			return ""
		}
		read(c)
	})
}

// opaque takes a word, and is left out of the effective file where the protocol never turns opaque.
func (r *Route) opaque() value {
	return word(&r.Opaque).printed(func() *yaml.Node {
		if !r.Protocol.Traits().TurnsOpaque {
			return nil
		}
		return scalarNode(r.Opaque.String())
	})
}

// listen takes an address, or a list of them.
func (r *Route) listen() value {
	return value{
		read: func(c cursor) { r.Listen = c.listeners(r) },
		node: func() *yaml.Node {
			var items []*yaml.Node
			for _, a := range r.Listen {
				items = append(items, scalarNode(a.String()))
			}
			if len(items) == 1 {
				return items[0]
			}
			return blockList(items...)
		},
		schema: func() schema { return anyOf(addressSchema(), listOf(addressSchema())) },
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

func (l *Limits) keys() keys {
	return keys{
		{name: "connections", takes: limit(&l.Connections), standard: none, doc: "connections open on this route at most; further clients are refused"},
		{name: "connections_per_source", takes: limit(&l.ConnectionsPerSource), standard: none,
			doc: "connections open from one source at most, which is an IPv4 address or an IPv6 /64; further clients are refused"},
		{name: "accepts_per_second", takes: limit(&l.AcceptsPerSecond), standard: none,
			doc: "clients accepted in a second at most, after a quiet second as many at once; further clients are refused"},
		{name: "messages_per_second", takes: l.MessagesPerSecond.value(), without: none,
			doc: "messages, heartbeats included, that a client may send in a second, after a quiet second as many at once; more end its connection as `rate_limited`, or with `{rate: 100, over: delay}` are read later. `raw` has none"},
		{name: "bytes_per_second", takes: size(&l.BytesPerSecond, 1, true), standard: none,
			doc: "bytes that a client may send in a second, after a quiet second as many at once; more are read later, and timers of its silence stand still meanwhile"},
		{name: "min_rate", takes: l.MinRate.value(), without: none,
			doc: "the least at which a peer must take what waits for it, or a client go on with a message that it has begun, as in `{bytes: 1KiB, over: 60s}`; who takes all, or ends the message, may be slower. " +
				"A slower one ends as `client_stalled`, `upstream_stalled` or `message_timeout`. What a peer takes is what its kernel acknowledges, which of a slow reader comes in segments, often of 1.5 KiB: `over` should have room for several"},
		{name: "message_size", takes: size(&l.MessageSize, 1, true), standard: "16MiB", doc: "the longest message, header included, from either side; a longer one ends as `message_too_large`. `raw` has no limit"},
	}
}

func (r *Route) settleTCP(c cursor) {
	r.TCP.settle(c)
	r.tcp = c.origins()
}

// policyValue takes the name of a policy, or a policy. The route has none where the name is unknown.
func (r *Route) policyValue(in shared) value {
	named, inline := in.policies.name(&r.Policy), new(Policy).value()
	inline.read = func(c cursor) { r.Policy = c.policy("") }
	v := either(named, inline)
	return v.printed(func() *yaml.Node {
		if r.Policy.Name != "" {
			return scalarNode(r.Policy.Name)
		}
		return r.Policy.node()
	})
}

// tcpNode says in a comment where user_timeout is not the operator's own.
func (r *Route) tcpNode() *yaml.Node {
	n := flow(r.TCP.keys().pairs()...)
	if r.UserTimeoutOrigin().From != "" {
		n.LineComment = "user_timeout from keepalive: idle + interval * count"
	}
	return n
}

// limitsNode leaves out what raw has not.
func (r *Route) limitsNode() *yaml.Node {
	list := r.Limits.keys()
	if !r.hasMessages() {
		list = slices.DeleteFunc(list, func(k key) bool { return k.name == "message_size" || k.name == "messages_per_second" })
	}
	return flow(list.pairs()...)
}

// hasMessages says that message sizes mean something in one direction at least.
func (r *Route) hasMessages() bool {
	return !r.Protocol.Traits().NoMessages || !r.UpstreamProtocol.Traits().NoMessages
}
