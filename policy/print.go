package policy

import (
	"bytes"
	"strconv"

	"gopkg.in/yaml.v3"
)

// YAML is the effective file: every default is filled in, and Parse makes an equal Config of it. Only the reset_on of a
// named policy stays out where it was not written, since its default depends on the protocol of each route.
func (c *Config) YAML() []byte {
	var out bytes.Buffer
	for _, section := range c.sections() {
		if section.value.Kind != yaml.ScalarNode && len(section.value.Content) == 0 {
			continue
		}
		if out.Len() > 0 {
			out.WriteByte('\n')
		}
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		if err := encoder.Encode(block(section)); err != nil {
			panic("policy: " + err.Error()) // a buffer takes all, and the nodes are our own
		}
	}
	return out.Bytes()
}

// sections are those of the effective file, always the same ones; some may be empty.
func (c *Config) sections() []pair { return c.keys().pairs() }

// pair is a key with its value; one with a nil value is left out.
type pair struct {
	key   string
	value *yaml.Node
}

// block is a mapping with a line for each key.
func block(pairs ...pair) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range pairs {
		if p.value != nil {
			n.Content = append(n.Content, scalarNode(p.key), p.value)
		}
	}
	return n
}

// flow is a mapping on one line.
func flow(pairs ...pair) *yaml.Node {
	n := block(pairs...)
	n.Style = yaml.FlowStyle
	return n
}

func blockList(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items}
}

func flowList(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items, Style: yaml.FlowStyle}
}

// scalarNode is s, in quotes only where it would not be text without them.
func scalarNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func boolNode(b bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(b)}
}

// optional is nil, and so left out, where s is empty.
func optional(s string) *yaml.Node {
	if s == "" {
		return nil
	}
	return scalarNode(s)
}

func quotedNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
}

func numberNode[N int | int64](n N) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(int64(n), 10)}
}
