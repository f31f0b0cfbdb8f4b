package policy

import (
	"net/netip"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// DNS says which name the endpoints of an upstream come from. Its zero value is: they are in the file.
type DNS struct {
	Name  string // every A and AAAA of it is an endpoint; "": SRV is set
	Port  uint16 // of these
	SRV   string // every address of its targets is an endpoint
	Every time.Duration
}

// IsZero says that the endpoints are in the file.
func (d *DNS) IsZero() bool { return d.Name == "" && d.SRV == "" }

// leastEvery is how often name servers are asked at most.
const leastEvery = time.Second

func (d *DNS) keys() keys {
	every := span{}.into(&d.Every).then(func(c cursor) {
		if d.Every > 0 && d.Every < leastEvery {
			c.fail("must be at least %s, not %s: name servers are not asked more often", units.FormatDuration(leastEvery), units.FormatDuration(d.Every))
		}
	})
	return keys{
		{name: "name", takes: dnsName(&d.Name), without: "`srv` is written", doc: "a name of which every address, A and AAAA, is an endpoint, 512 at most"},
		{name: "port", takes: port(&d.Port), without: "that of the record, with `srv`", doc: "the port of these endpoints"},
		{name: "srv", takes: dnsName(&d.SRV), without: "`name` is written",
			doc: "a name with SRV records: every address of their targets is an endpoint, with the weight of its record in proportion to the others (1 to 100); all but those of the best priority are backups"},
		{name: "every", takes: every, standard: "10s",
			doc: "between two look-ups, at least 1s; how long the name server lets an answer be kept (TTL) is not looked at. After a failure the next comes after 1s, then ever more rarely. A look-up that fails, or brings nothing, changes nothing"},
	}
}

// value takes a mapping, and is left out of the effective file where the endpoints are in the file.
func (d *DNS) value() value {
	list := d.keys()
	v := mapping(list)
	v.nested = false
	v.read = func(c cursor) {
		list.setDefaults()
		c.mapping(list)
		d.check(c)
	}
	return v.printed(func() *yaml.Node {
		if d.IsZero() {
			return nil
		}
		return flow(list.pairs()...)
	})
}

func (d *DNS) check(c cursor) {
	name, srv, port := c.child("name"), c.child("srv"), c.child("port")
	switch {
	case c.node.Kind != yaml.MappingNode:
	case name.written() && srv.written():
		c.fail("has name and srv; it can have only one of them")
	case !name.written() && !srv.written():
		c.fail("lacks one of name, srv")
	case name.written() && !port.written():
		port.fail("is missing; write it as in %q", "port: 9000")
	case srv.written() && port.written():
		port.fail("has no meaning with srv, whose records have ports; remove it")
	}
}

// dnsName takes a host name; it is left out of the effective file where there is none.
func dnsName(to *string) value {
	return value{
		read: func(c cursor) {
			s, ok := c.scalar()
			if !ok {
				return
			}
			s = strings.TrimSuffix(s, ".")
			host, port, _ := strings.Cut(s, ":")
			switch _, err := netip.ParseAddr(s); {
			case err == nil:
				c.fail("%s is an address; those stand in endpoints", s)
			case host != s && isHostName(host) && isPort(port):
				c.fail("%s has a port; that stands in a key of its own, as in {name: %s, port: %s}", quote(s), strings.ToLower(host), port)
			case !isHostName(s):
				c.fail("%s is not a host name", quote(s))
			default:
				c.mark()
				*to = strings.ToLower(s)
			}
		},
		node:   func() *yaml.Node { return optional(*to) },
		schema: func() schema { return pattern(`^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?$`) },
	}
}

// port takes a port to connect to; it is left out of the effective file where there is none.
func port(to *uint16) value {
	var n int
	v := integer(&n, 1, 65535)
	return v.then(func(cursor) { *to = uint16(n) }).printed(func() *yaml.Node {
		if *to == 0 {
			return nil
		}
		return numberNode(int(*to))
	})
}
