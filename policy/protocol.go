package policy

import (
	"encoding/hex"
	"math"
	"strings"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Protocol says where the messages of one direction end.
type Protocol struct {
	Framing     Framing
	LengthField LengthFieldFraming
	Delimiter   []byte // of delimiter; default "\n"
	FixedSize   int64  // of fixed; bytes, more than 0
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
	maxBytes      = 256              // of a magic or a delimiter
	maxOffset     = 64*units.KiB - 1 // of a length field
	maxAdjustment = math.MaxInt32    // either way, as in Netty
	exampleBytes  = `{text: "\r\n"}` // in messages
)

// protocol reads the name of a framing that needs nothing more, or a mapping with one framing key.
func (c cursor) protocol() Protocol {
	if c.node.Kind == yaml.ScalarNode {
		return c.namedProtocol()
	}
	var p Protocol
	c.choice(keys{
		"raw":          func(c cursor) { c.mapping(keys{}); p.Framing = Raw },
		"length_field": func(c cursor) { p = Protocol{Framing: LengthField, LengthField: c.lengthField()} },
		"delimiter":    func(c cursor) { p = Protocol{Framing: Delimiter, Delimiter: c.bytes()} },
		"fixed":        func(c cursor) { p = Protocol{Framing: Fixed, FixedSize: c.fixed()} },
		"varint":       func(c cursor) { c.mapping(keys{}); p.Framing = Varint },
	})
	return p
}

func (c cursor) namedProtocol() Protocol {
	name, ok := c.scalar()
	if !ok {
		return Protocol{}
	}
	framing, ok := valueOf[Framing](name)
	switch {
	case !ok:
		c.fail("unknown protocol %s%s", quote(name), didYouMean(name, Framing(0).words()[1:]))
	case framing == LengthField:
		c.fail("length_field needs the size of its field, as in {length_field: {size: 4}}")
	case framing == Fixed:
		c.fail("fixed needs the size of a message, as in {fixed: {size: 64}}")
	case framing == Delimiter:
		return Protocol{Framing: Delimiter, Delimiter: []byte("\n")}
	default:
		return Protocol{Framing: framing}
	}
	return Protocol{}
}

func (c cursor) fixed() int64 {
	var bytes int64
	c.mapping(keys{"size": integer(&bytes, 1, units.MaxSize)})
	c.require("size", "64")
	return bytes
}

func (c cursor) lengthField() LengthFieldFraming {
	const unread = -1 // not written, or reported
	l := LengthFieldFraming{Offset: unread}
	c.mapping(keys{
		"magic":      func(c cursor) { l.Magic = c.bytes() },
		"offset":     integer(&l.Offset, 0, maxOffset),
		"size":       integer(&l.Size, 1, 8),
		"byte_order": word(&l.ByteOrder),
		"adjustment": integer(&l.Adjustment, -maxAdjustment, maxAdjustment),
	})
	c.require("size", "4")
	if l.Size > 4 && l.Size < 8 {
		c.child("size").fail("must be 1, 2, 3, 4 or 8, not %d", l.Size)
	}
	if l.Offset == unread {
		l.Offset = len(l.Magic)
	}
	if len(l.Magic) > l.Offset {
		c.child("offset").fail("must be at least %d, the length of magic, not %d", len(l.Magic), l.Offset)
	}
	if most := uint64(math.MaxUint64) >> (64 - 8*max(l.Size, 1)); l.Adjustment < 0 && most < uint64(-l.Adjustment) {
		c.child("adjustment").fail("leaves no message possible: a length field of size %d says at most %d", max(l.Size, 1), most)
	}
	return l
}

// bytes reads {text: "..."} or {hex: "..."}.
func (c cursor) bytes() []byte {
	if c.node.Kind == yaml.ScalarNode {
		c.fail("must be a mapping, as in {text: %s}, not %s", quote(c.node.Value), quote(c.node.Value))
		return nil
	}
	var s string
	c.choice(keys{
		"text": func(c cursor) {
			literal(&s)(c)
			if strings.Contains(s, `\`) && c.node.Style&yaml.DoubleQuotedStyle == 0 {
				c.warn(`has a backslash that stands for itself; in double quotes "\n" is one character`)
			}
		},
		"hex": func(c cursor) { s = c.hex() },
	})
	if len(s) > maxBytes {
		c.fail("has %d bytes; it can have %d", len(s), maxBytes)
		return nil
	}
	if s == "" {
		return nil
	}
	return []byte(s)
}

// hex takes digits that YAML would make a number of, too.
func (c cursor) hex() string {
	s, ok := c.scalar()
	if !ok {
		return ""
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 {
		c.fail("must be pairs of hexadecimal digits, as in \"0d0a\", not %s", quote(s))
	}
	return string(b)
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

func (p Protocol) node() *yaml.Node {
	framing := p.Framing.String()
	switch p.Framing {
	case LengthField:
		return flow(pair{framing, p.LengthField.node()})
	case Delimiter:
		return flow(pair{framing, bytesNode(p.Delimiter)})
	case Fixed:
		return flow(pair{framing, flow(pair{"size", numberNode(p.FixedSize)})})
	}
	return scalarNode(framing)
}

func (l LengthFieldFraming) node() *yaml.Node {
	return flow(
		pair{"magic", bytesNode(l.Magic)},
		pair{"offset", numberNode(l.Offset)},
		pair{"size", numberNode(l.Size)},
		pair{"byte_order", scalarNode(l.ByteOrder.String())},
		pair{"adjustment", numberNode(l.Adjustment)},
	)
}

// bytesNode is text where that can be read, and nil for no bytes, since empty ones are an error.
func bytesNode(b []byte) *yaml.Node {
	if len(b) == 0 {
		return nil
	}
	for _, char := range b {
		if (char < ' ' || char > '~') && !strings.ContainsRune("\t\r\n", rune(char)) {
			return flow(pair{"hex", quotedNode(hex.EncodeToString(b))})
		}
	}
	return flow(pair{"text", quotedNode(string(b))})
}
