package policy

import "gopkg.in/yaml.v3"

// Endpoint is one address of an upstream.
type Endpoint struct {
	Address Address
	Weight  int  // its share beside the others, at least 1
	Backup  bool // it is used where no other can be
}

// endpoints takes a list of endpoints.
func (u *Upstream) endpoints() value {
	var one Endpoint
	return value{
		read: func(c cursor) { u.Endpoints = c.endpoints() },
		node: func() *yaml.Node {
			if len(u.Endpoints) == 0 {
				return nil
			}
			var items []*yaml.Node
			for _, e := range u.Endpoints {
				items = append(items, e.node())
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
	return keys{
		{name: "address", takes: address(&e.Address), example: "10.0.0.11:9000", doc: "the address to connect to"},
		{name: "weight", takes: integer(&e.Weight, 1, maxWeight), standard: "1", doc: "its share of the new connections, relative to the other weights; 1 to 100"},
		{name: "backup", takes: boolean(&e.Backup), standard: "false", doc: "`true`: it is used only while no other endpoint can be"},
	}
}

// value takes an address, or a mapping with one.
func (e *Endpoint) value() value { return either(address(&e.Address), mapping(e.keys())) }

func (c cursor) endpoint() (Endpoint, bool) {
	e := Endpoint{Weight: 1}
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
