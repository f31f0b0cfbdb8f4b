package policy

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Upstream is a named set of endpoints.
type Upstream struct {
	Name           string
	Endpoints      []Endpoint
	Balance        Balance
	ConnectTimeout time.Duration // of each attempt; 0: none
	Retries        int           // further attempts, each at another endpoint

	written origins // nil for an upstream that is from no file
}

// Endpoint is one address of an upstream.
type Endpoint struct {
	Address Address
}

// maxRetries bounds how long a client may wait for connections that fail one after the other.
const maxRetries = 100

func (u *Upstream) keys() keys {
	return keys{
		{name: "endpoints", takes: u.endpoints(), example: "[10.0.0.11:9000]", doc: "addresses, or mappings with `address`"},
		{name: "balance", takes: word(&u.Balance), standard: "least_connections", doc: "how an endpoint is chosen: `least_connections` or `round_robin`"},
		{name: "connect_timeout", takes: duration(&u.ConnectTimeout), standard: "5s", doc: "for each attempt to connect; it ends as `connect_timeout`"},
		{name: "retries", takes: integer(&u.Retries, 0, maxRetries), standard: "2",
			doc: "further attempts, at other endpoints, before the client is closed"},
	}
}

func (c cursor) upstream(name string) *Upstream {
	u := &Upstream{Name: name, written: c.origins()}
	list := u.keys()
	list.setDefaults()
	c.mapping(list)
	return u
}

// endpoints takes a list of endpoints.
func (u *Upstream) endpoints() value {
	var one Endpoint
	return value{
		read: func(c cursor) { u.Endpoints = c.endpoints() },
		node: func() *yaml.Node {
			var items []*yaml.Node
			for _, e := range u.Endpoints {
				items = append(items, scalarNode(e.Address.String()))
			}
			return blockList(items...)
		},
		schema: func() schema { return listOf(one.value().schema()) },
		below:  func() keys { return one.keys() },
		item:   "[]",
	}
}

func (c cursor) endpoints() []Endpoint {
	var all []Endpoint
	lines := map[Address]int{}
	c.list(func(c cursor) {
		e, ok := c.endpoint()
		if !ok {
			return
		}
		if first := lines[e.Address]; first != 0 {
			c.fail("duplicate endpoint %s; it is on line %d already", e.Address, first)
			return
		}
		lines[e.Address] = c.line
		c.mark()
		all = append(all, e)
	})
	c.refuseEmpty("an endpoint, as in [10.0.0.11:9000]")
	return all
}

func (e *Endpoint) keys() keys {
	return keys{{name: "address", takes: address(&e.Address), example: "10.0.0.11:9000", doc: "where it listens"}}
}

// value takes an address, or a mapping with one.
func (e *Endpoint) value() value { return either(address(&e.Address), mapping(e.keys())) }

func (c cursor) endpoint() (Endpoint, bool) {
	var e Endpoint
	e.value().read(c)
	at := c
	if c.node.Kind == yaml.MappingNode {
		at = c.child("address")
	}
	return e, !e.Address.IsZero() && at.reachable(e.Address)
}

// reachable reports an address that can be listened at, but not connected to.
func (c cursor) reachable(a Address) bool {
	switch {
	case a.IsUnix():
		return true
	case a.Host == "" || a.Host == "0.0.0.0" || a.Host == "::":
		c.fail("%s needs a host to connect to, as in %s", a, Address{Host: "127.0.0.1", Port: max(a.Port, 1)})
	case a.Port == 0:
		c.fail("%s needs a port other than 0", a)
	default:
		return true
	}
	return false
}
