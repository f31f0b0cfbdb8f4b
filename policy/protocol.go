package policy

import (
	"math"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Protocol says where the messages of one direction end.
type Protocol struct {
	Framing     Framing
	LengthField LengthFieldFraming
	Delimiter   []byte    // of delimiter; default "\n"
	FixedSize   int64     // of fixed; bytes, more than 0
	Heartbeat   Heartbeat // of both directions; not in UpstreamProtocol
}

// LengthFieldFraming describes messages of Offset + Size + value + Adjustment bytes.
type LengthFieldFraming struct {
	Magic      []byte // stands at the start of each message; may be empty, never reaches into the length field
	Offset     int    // bytes before the length field; default: those of Magic
	Size       int    // bytes of the length field: 1, 2, 3, 4 or 8
	ByteOrder  ByteOrder
	Adjustment int64 // added to the value; may be negative
}

const (
	maxOffset     = 64*units.KiB - 1 // of a length field
	maxAdjustment = math.MaxInt32    // either way, as in Netty
)

// value takes the name of a protocol that needs nothing more, or a mapping with one protocol as its key, and beside it those others.
func (p *Protocol) value(beside ...key) value {
	named := value{
		read:   func(c cursor) { *p = c.namedProtocol() },
		schema: func() schema { return schema{"enum": standAlone()} },
	}
	return either(named, oneOf(p.keys, beside...)).printed(p.node)
}

// keys are the framings, each with what its mapping takes.
func (p *Protocol) keys() keys {
	var list keys
	for _, row := range protocols() {
		if row.Named {
			continue
		}
		takes := row.takes(p)
		read := takes.read
		takes.read = func(c cursor) {
			*p = Protocol{Framing: row.framing, Heartbeat: p.Heartbeat}
			read(c)
		}
		list = append(list, key{name: row.Name, takes: takes, doc: row.Message})
	}
	return list
}

func (c cursor) namedProtocol() Protocol {
	name, ok := c.scalar()
	if !ok {
		return Protocol{}
	}
	framing, ok := valueOf[Framing](name)
	if !ok {
		c.fail("unknown protocol %s%s", quote(name), meantProtocol(name))
		return Protocol{}
	}
	row := rowOf(framing)
	if row.needs != "" {
		c.fail("%s", row.needs)
		return Protocol{}
	}
	p := Protocol{Framing: framing}
	if row.standard != nil {
		row.standard(&p)
	}
	return p
}

// settle checks the keys of length_field together, and gives offset its default.
func (l *LengthFieldFraming) settle(c cursor) {
	if l.Size > 4 && l.Size < 8 {
		c.child("size").fail("must be 1, 2, 3, 4 or 8, not %d", l.Size)
	}
	if !c.child("offset").written() {
		l.Offset = len(l.Magic)
	}
	if len(l.Magic) > l.Offset && c.child("offset").written() {
		c.child("offset").fail("must be at least %d, the length of magic, not %d", len(l.Magic), l.Offset)
	}
	if most := uint64(math.MaxUint64) >> (64 - 8*max(l.Size, 1)); l.Adjustment < 0 && most < uint64(-l.Adjustment) {
		c.child("adjustment").fail("leaves no message possible: a length field of size %d says at most %d", max(l.Size, 1), most)
	}
}

func (l *LengthFieldFraming) keys() keys {
	return keys{
		{name: "magic", takes: byteString(&l.Magic), without: "none", doc: "what every message begins with, as `{text: \"Headers\"}` or `{hex: \"cafe\"}`"},
		{name: "offset", takes: integer(&l.Offset, 0, maxOffset), without: "the length of `magic`", doc: "bytes in front of the field"},
		{name: "size", takes: integer(&l.Size, 1, 8), example: "4", doc: "of the field: 1, 2, 3, 4 or 8 bytes"},
		{name: "byte_order", takes: word(&l.ByteOrder), standard: "big", doc: "`big` or `little`"},
		{name: "adjustment", takes: integer(&l.Adjustment, -maxAdjustment, maxAdjustment), standard: "0",
			doc: "added to the value; `-size` where the length counts its own field, too"},
	}
}

func (p *Protocol) fixedKeys() keys {
	return keys{{name: "size", takes: integer(&p.FixedSize, 1, units.MaxSize), example: "64", doc: "bytes of each message"}}
}

// smallest is the size of the smallest message, in bytes.
func (p Protocol) smallest() int64 {
	switch p.Framing {
	case LengthField:
		l := p.LengthField
		return int64(l.Offset) + int64(l.Size) + max(l.Adjustment, 0)
	case Delimiter:
		return int64(len(p.Delimiter))
	case Fixed:
		return p.FixedSize
	}
	return 1
}

// checkSize reports messages that could never be let through. Most is message_size.
func (p Protocol) checkSize(c cursor, most int64) {
	if at := c.child(p.Framing.String()); at.written() {
		c = at
	}
	if least := p.smallest(); most > 0 && least > most {
		c.fail("the smallest message has %d bytes, more than limits.message_size (%s) lets through", least, units.FormatSize(most))
	}
}

func (p *Protocol) node() *yaml.Node {
	row := rowOf(p.Framing)
	beat := p.heartbeatNode()
	if row.needs != "" || row.standard != nil {
		return flow(pair{row.Name, row.takes(p).node()}, pair{"heartbeat", beat})
	}
	if beat == nil {
		return scalarNode(row.Name)
	}
	return flow(pair{row.Name, flow()}, pair{"heartbeat", beat})
}
