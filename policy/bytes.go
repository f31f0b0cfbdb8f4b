package policy

import (
	"encoding/hex"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxBytes is the length of a magic or a delimiter.
const maxBytes = 256

// bytes reads {text: "..."} or {hex: "..."}.
func (c cursor) bytes() []byte {
	if c.node.Kind == yaml.ScalarNode {
		c.fail("must be a mapping, as in {text: %s}, not %s", quote(c.node.Value), quote(c.node.Value))
		return nil
	}
	var s string
	c.choice(byteKeys(&s))
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

// byteKeys are the forms in which bytes can be written.
func byteKeys(to *string) keys {
	text := value{
		read: func(c cursor) {
			readLiteral(to)(c)
			if strings.Contains(*to, `\`) && c.node.Style&yaml.DoubleQuotedStyle == 0 {
				c.warn(`has a backslash that stands for itself; in double quotes "\n" is one character`)
			}
		},
		schema: func() schema { return schema{"type": "string", "minLength": 1, "maxLength": maxBytes} },
	}
	digits := value{
		read:   func(c cursor) { *to = c.hex() },
		schema: func() schema { return schema{"type": []string{"string", "number"}, "pattern": hexPattern} }, // 0102 is a number to YAML
	}
	return keys{
		{name: "text", takes: text, doc: "as text; in double quotes `\\r\\n` are two bytes"},
		{name: "hex", takes: digits, doc: "as pairs of hexadecimal digits"},
	}
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
