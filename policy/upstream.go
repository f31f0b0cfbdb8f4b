package policy

import (
	"math"
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
	Eject          Eject
	MaxConnections int // to each endpoint; 0: no limit

	written origins // nil for an upstream that is from no file
}

// Endpoint is one address of an upstream.
type Endpoint struct {
	Address Address
	Weight  int  // its share beside the others, at least 1
	Backup  bool // it is used where no other can be
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

func (c cursor) upstream(name string) *Upstream {
	u := &Upstream{Name: name, ConnectTimeout: 5 * time.Second, Retries: 2, Eject: standardEject, written: c.origins()}
	c.mapping(keys{
		"endpoints":       func(c cursor) { u.Endpoints = c.endpoints() },
		"balance":         word(&u.Balance),
		"connect_timeout": duration(&u.ConnectTimeout),
		"retries":         integer(&u.Retries, 0, maxRetries),
		"eject":           func(c cursor) { u.Eject = c.eject() },
		"max_connections": limit(&u.MaxConnections, math.MaxInt32),
	})
	c.require("endpoints", "[10.0.0.11:9000]")
	c.warnOnlyBackups(u)
	return u
}

// standardEject is the eject of upstreams that say nothing.
var standardEject = Eject{Failures: 3, For: 10 * time.Second}

// eject reads none or a mapping.
func (c cursor) eject() Eject {
	e := standardEject
	if c.node.Kind == yaml.ScalarNode {
		if c.node.Value != none {
			c.fail("must be none, or a mapping as %s, not %s", inline(e.node()), quote(c.node.Value))
		}
		return Eject{}
	}
	c.mapping(keys{
		"failures": integer(&e.Failures, 1, maxFailures),
		"for":      span{}.into(&e.For),
	})
	return e
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
		all = append(all, e)
	})
	c.refuseEmpty("an endpoint, as in [10.0.0.11:9000]")
	return all
}

// endpoint reads an address, or a mapping with one.
func (c cursor) endpoint() (Endpoint, bool) {
	e := Endpoint{Weight: 1}
	at := c
	if c.node.Kind == yaml.MappingNode {
		c.mapping(keys{
			"address": address(&e.Address),
			"weight":  integer(&e.Weight, 1, maxWeight),
			"backup":  boolean(&e.Backup),
		})
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
		endpoints = append(endpoints, e.node())
	}
	return block(
		pair{"endpoints", blockList(endpoints...)},
		pair{"balance", scalarNode(u.Balance.String())},
		pair{"connect_timeout", scalarNode(formatDuration(u.ConnectTimeout))},
		pair{"retries", numberNode(u.Retries)},
		pair{"eject", u.Eject.node()},
		pair{"max_connections", u.mostNode()},
	)
}

// node is the address where nothing else is said of the endpoint.
func (e Endpoint) node() *yaml.Node {
	address := scalarNode(e.Address.String())
	weight, backup := numberNode(e.Weight), boolNode(e.Backup)
	if e.Weight == 1 {
		weight = nil
	}
	if !e.Backup {
		backup = nil
	}
	if weight == nil && backup == nil {
		return address
	}
	return flow(pair{"address", address}, pair{"weight", weight}, pair{"backup", backup})
}

func (e Eject) node() *yaml.Node {
	if e.Failures == 0 {
		return scalarNode(none)
	}
	return flow(pair{"failures", numberNode(e.Failures)}, pair{"for", scalarNode(formatDuration(e.For))})
}

func (u *Upstream) mostNode() *yaml.Node {
	if u.MaxConnections == 0 {
		return scalarNode(none)
	}
	return numberNode(u.MaxConnections)
}
