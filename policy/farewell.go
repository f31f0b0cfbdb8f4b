package policy

import "gopkg.in/yaml.v3"

// Farewell is what the gateway writes to a client before it closes the connection.
type Farewell struct {
	Protocol bool   // the goodbye that the protocol has
	Bytes    []byte // these; empty: none
}

// IsZero reports whether nothing is written.
func (f Farewell) IsZero() bool { return !f.Protocol && len(f.Bytes) == 0 }

const farewellOfProtocol = "protocol"

// farewell takes protocol, bytes, or none.
func (p *Policy) farewell() value {
	word := value{
		read: func(c cursor) {
			s, ok := c.scalar()
			switch {
			case ok && s == farewellOfProtocol:
				p.Farewell = Farewell{Protocol: true}
			case ok && s != none:
				c.fail(`must be protocol, none, or bytes as in {text: "bye\r\n"}, not %s`, quote(s))
			}
		},
		schema: func() schema { return schema{"enum": []string{farewellOfProtocol, none}} },
	}
	bytes := byteString(&p.Farewell.Bytes)
	return either(word, bytes).printed(func() *yaml.Node {
		if p.Farewell.Protocol {
			return scalarNode(farewellOfProtocol)
		}
		if p.Farewell.IsZero() {
			return scalarNode(none)
		}
		return bytes.node()
	})
}

// checkFarewell reports one that could not arrive.
func (c cursor) checkFarewell(p *Policy) {
	if !p.Farewell.IsZero() && p.Close == CloseRST {
		c.child("farewell").fail("cannot be sent with close: rst, which destroys it; remove one of the two")
	}
}
