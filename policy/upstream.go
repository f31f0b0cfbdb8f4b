package policy

import (
	"net/netip"
	"time"

	"gopkg.in/yaml.v3"
)

// Upstream is a named set of endpoints.
type Upstream struct {
	Name           string
	Endpoints      []Endpoint // empty where DNS is set
	DNS            DNS
	Balance        Balance
	ConnectTimeout time.Duration // of each attempt; 0: none
	Retries        int           // further attempts, each at another endpoint
	Eject          Eject
	MaxConnections int // to each endpoint; 0: no limit
	TLS            UpstreamTLS
	Health         Health
	SlowStart      time.Duration // until an endpoint that is back has its whole share; 0: at once
	ProxyProtocol  ProxyProtocol // header that goes before all a client sends
	Sources        []netip.Addr  // addresses of this machine to connect from; empty: the kernel chooses

	written origins // nil for an upstream that is from no file
}

// Eject says when an endpoint that fails gets no more connections for a while. Its zero value is: never.
type Eject struct {
	Failures int           // in a row
	For      time.Duration // the first time
}

const (
	maxWeight   = 100  // more is no finer share than anybody can tell
	maxFailures = 1000 // in a row
)

// maxRetries bounds how long a client may wait for connections that fail one after the other.
const maxRetries = 100

func (u *Upstream) keys() keys {
	return keys{
		{name: "endpoints", takes: u.endpoints(), without: "`dns` is written", doc: "a list of addresses, or of mappings with `address`; a name is one endpoint, at one of its addresses"},
		{name: "dns", takes: u.DNS.value(), without: "`endpoints` is written", doc: "a name whose addresses are the endpoints. They come and go with it, outside of edits; the connections of one that has gone drain"},
		{name: "balance", takes: word(&u.Balance), standard: "least_connections", doc: "how an endpoint is chosen: `least_connections`, `round_robin`, `random` (of two, the one with fewer connections) or `source_hash` (by the client's address)"},
		{name: "connect_timeout", takes: duration(&u.ConnectTimeout), standard: "5s", doc: "of each attempt to connect"},
		{name: "retries", takes: integer(&u.Retries, 0, maxRetries), standard: "2",
			doc: "further attempts after one that failed, at other endpoints, before the connection ends"},
		{name: "eject", takes: u.Eject.value(), doc: "when an endpoint that fails gets no new connections for a while; `none`: never"},
		{name: "health", takes: u.Health.value(), without: "no checks", doc: "connections of the gateway's own by which endpoints are checked, used or not, beside `eject`"},
		{name: "slow_start", takes: duration(&u.SlowStart), standard: none,
			doc: "how long an endpoint that is back, from an ejection or from being down, or that is new in an upstream at work, has less than its share: a tenth at first, then more in proportion to the time"},
		{name: "source_addresses", takes: sources(&u.Sources), without: "the kernel chooses",
			doc: "addresses of this machine to connect from, each in turn, 64 at most; between one of them and one endpoint there are as many connections as `net.ipv4.ip_local_port_range` has ports, some 28,000"},
		{name: "proxy_protocol", takes: word(&u.ProxyProtocol), standard: none,
			doc: "the PROXY header that an endpoint gets before anything else, and that it must expect: `v1`, or `v2`, which also has server name, ALPN, TLS and the `id` of log and API. Health checks send one as `LOCAL`, which a `v1` header says as `UNKNOWN`"},
		{name: "max_connections", takes: limit(&u.MaxConnections), without: "none", doc: "open connections to each endpoint at most"},
		{name: "tls", takes: u.TLS.value(), without: "the gateway speaks no TLS to endpoints",
			doc: "the TLS that the gateway speaks to endpoints, as in `{server_name: devices.internal, ca: ca.pem}`; their certificates are verified. `{}`: with the system's authorities"},
	}
}

func (c cursor) upstream(name string) *Upstream {
	u := &Upstream{Name: name, written: c.origins()}
	list := u.keys()
	list.setDefaults()
	c.mapping(list)
	c.checkEndpoints()
	c.warnOnlyBackups(u)
	c.warnSources(u)
	u.checkTLS(c)
	return u
}

// checkEndpoints demands endpoints or a name for them.
func (c cursor) checkEndpoints() {
	endpoints, dns := c.child("endpoints"), c.child("dns")
	switch {
	case endpoints.written() && dns.written():
		c.fail("has dns and endpoints; it can have only one of them")
	case !dns.written():
		c.require("endpoints", "[10.0.0.11:9000]")
	}
}

// upstreamSchema demands endpoints or a name for them.
func upstreamSchema() schema {
	all := new(Upstream).keys().schema()
	all["oneOf"] = []schema{{"required": []string{"endpoints"}}, {"required": []string{"dns"}}}
	return all
}

// eject takes none or a mapping.
func (e *Eject) value() value {
	list := e.keys()
	v := either(value{
		read: func(c cursor) {
			if c.node.Value != none {
				c.fail("must be none, or a mapping as %s, not %s", inline(flow(list.pairs()...)), quote(c.node.Value))
				return
			}
			*e = Eject{}
		},
		schema: func() schema { return noneSchema() },
	}, mapping(list))
	v = v.printed(func() *yaml.Node {
		if e.Failures == 0 {
			return scalarNode(none)
		}
		return flow(list.pairs()...)
	})
	v.nested = true
	return v
}

func (e *Eject) keys() keys {
	return keys{
		{name: "failures", takes: integer(&e.Failures, 1, maxFailures), standard: "3", doc: "failures in a row after which an endpoint is ejected; a failure of the gateway itself, such as no free port, does not count"},
		{name: "for", takes: span{}.into(&e.For), standard: "10s", doc: "how long it gets no new connections; twice as long each further time, up to ten times this"},
	}
}

func (c cursor) warnOnlyBackups(u *Upstream) {
	for _, e := range u.Endpoints {
		if !e.Backup {
			return
		}
	}
	if len(u.Endpoints) > 0 {
		c.child("endpoints").warn("has only backups, which are used as if they were none")
	}
}
