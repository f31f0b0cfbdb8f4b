package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
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

func (c cursor) upstream(name string) *Upstream {
	u := &Upstream{Name: name, ConnectTimeout: 5 * time.Second, Retries: 2, written: c.origins()}
	c.mapping(u.grammar())
	c.require("endpoints", "[10.0.0.11:9000]")
	return u
}

func (u *Upstream) grammar() keys {
	return keys{
		"endpoints":       func(c cursor) { u.Endpoints = c.endpoints() },
		"balance":         word(&u.Balance),
		"connect_timeout": duration(&u.ConnectTimeout),
		"retries":         integer(&u.Retries, 0, maxRetries),
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

// endpoint reads an address, or a mapping with one.
func (c cursor) endpoint() (Endpoint, bool) {
	var e Endpoint
	at := c
	if c.node.Kind == yaml.MappingNode {
		c.mapping(keys{"address": address(&e.Address)})
		c.require("address", "10.0.0.11:9000")
		at = c.child("address")
	} else {
		address(&e.Address)(c)
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

func upstreamNodes(upstreams []*Upstream) *yaml.Node {
	var pairs []pair
	for _, u := range upstreams {
		pairs = append(pairs, pair{u.Name, u.node()})
	}
	return block(pairs...)
}

func (u *Upstream) node() *yaml.Node {
	var endpoints []*yaml.Node
	for _, e := range u.Endpoints {
		endpoints = append(endpoints, scalarNode(e.Address.String()))
	}
	return block(
		pair{"endpoints", blockList(endpoints...)},
		pair{"balance", scalarNode(u.Balance.String())},
		pair{"connect_timeout", scalarNode(units.FormatDuration(u.ConnectTimeout))},
		pair{"retries", numberNode(u.Retries)},
	)
}
