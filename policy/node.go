package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reader collects what is found while one file is walked.
type reader struct {
	file     string
	problems Problems
	warnings Problems
	claims   []claim
	marks    map[string]position // by path
	unused   []func()            // warn of what no route refers to
	routes   map[*Route]cursor
}

// cursor points at one value of the file. One that is not there reads as an empty mapping or list, and its position is
// that of the mapping it could stand in.
type cursor struct {
	r            *reader
	node         *yaml.Node // nil where nothing is written
	line, column int
	path         string
	elsewhere    func(key string) string // says where a key that is unknown here belongs, or ""; may be nil
}

func (c cursor) written() bool { return c.node != nil }

func (c cursor) problem(format string, args ...any) Problem {
	return Problem{File: c.r.file, Line: c.line, Column: c.column, Path: c.path, Text: fmt.Sprintf(format, args...)}
}

func (c cursor) fail(format string, args ...any) {
	c.r.problems = append(c.r.problems, c.problem(format, args...))
}

func (c cursor) warn(format string, args ...any) {
	c.r.warnings = append(c.r.warnings, c.problem(format, args...))
}

// to is the cursor on a node below c, path being what leads there from c.
func (c cursor) to(node *yaml.Node, path string) cursor {
	return cursor{r: c.r, node: node, line: node.Line, column: node.Column, path: c.path + path}
}

// key is the cursor on the value of a key; an unwritten value stands where its key does.
func (c cursor) key(key, value *yaml.Node) cursor {
	path := key.Value
	if !isName(path) {
		path = quote(path)
	}
	if c.path != "" {
		path = "." + path
	}
	at := c.to(value, path)
	if value.ShortTag() == "!!null" {
		at.line, at.column = key.Line, key.Column
	}
	return at
}

// child is the value of the first key of that name, whatever else is wrong with the mapping.
func (c cursor) child(name string) cursor {
	if c.written() && c.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(c.node.Content); i += 2 {
			if key := c.node.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
				return c.key(key, c.node.Content[i+1])
			}
		}
	}
	absent := c
	absent.node = nil
	absent.path = strings.TrimPrefix(c.path+"."+name, ".")
	return absent
}

// require reports a key that is not written; example is a value it could have.
func (c cursor) require(key, example string) {
	if at := c.child(key); !at.written() {
		at.fail("is missing; write it as in %q", key+": "+example)
	}
}

// mapping reads c as a mapping with these keys.
func (c cursor) mapping(list keys) {
	if !c.written() {
		return
	}
	c.entries(func(key *yaml.Node, value cursor) {
		known := list.find(key.Value)
		if known == nil {
			c.unknown(key, list)
			return
		}
		if value.usable() {
			known.takes.read(value)
		}
	})
	for _, k := range list {
		if k.example != "" {
			c.require(k.name, k.example)
		}
	}
}

// choice reads c as a mapping with exactly one of these keys, and any of those beside it.
func (c cursor) choice(list keys, beside ...key) {
	names := slices.Sorted(slices.Values(list.names()))
	found := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !c.child(name).written() })
	if len(found) > 1 {
		c.fail("has %s; it can have only one of them", strings.Join(found, " and "))
	}
	switch others := slices.ContainsFunc(beside, func(k key) bool { return c.child(k.name).written() }); {
	case c.node.Kind != yaml.MappingNode || len(found) > 0:
	case len(c.node.Content) == 0:
		c.fail("is empty; it needs one of %s", strings.Join(names, ", "))
	case others && len(c.node.Content) == 2:
		c.fail("lacks one of %s", strings.Join(names, ", "))
	}
	c.mapping(append(slices.Clone(list), beside...))
}

// entries visits the pairs of a mapping in the order of the file, all but duplicates and those whose key is no text.
func (c cursor) entries(visit func(key *yaml.Node, value cursor)) {
	if !c.written() {
		return
	}
	if c.node.Kind != yaml.MappingNode {
		c.fail("must be a mapping of keys to values, not %s", kindOf(c.node))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(c.node.Content); i += 2 {
		key, value := c.node.Content[i], c.node.Content[i+1]
		at := c.to(key, "")
		switch {
		case key.ShortTag() == "!!merge":
			at.fail("merge keys are not supported; what routes share goes into policies or upstreams")
		case key.Kind != yaml.ScalarNode:
			at.fail("has a key that is %s; keys are text", kindOf(key))
		case lines[key.Value] != 0:
			at.fail("duplicate key %s; it is on line %d already", quote(key.Value), lines[key.Value])
		case at.usable():
			lines[key.Value] = key.Line
			visit(key, c.key(key, value))
		}
	}
}

func (c cursor) unknown(key *yaml.Node, list keys) {
	known, advice := list.names(), ""
	if c.elsewhere != nil {
		advice = c.elsewhere(key.Value)
	}
	if advice == "" {
		advice = inOurWords(key.Value, known)
	}
	if advice == "" {
		advice = didYouMean(key.Value, known)
	}
	c.to(key, "").fail("unknown key %s%s", quote(key.Value), advice)
}

// list visits the items of a list.
func (c cursor) list(visit func(cursor)) {
	if !c.written() {
		return
	}
	if c.node.Kind != yaml.SequenceNode {
		c.refuseAsList()
		return
	}
	for i, item := range c.node.Content {
		if at := c.to(item, "["+strconv.Itoa(i)+"]"); at.usable() {
			visit(at)
		}
	}
}

func (c cursor) refuseAsList() {
	if c.node.Kind == yaml.ScalarNode {
		c.fail("must be a list; write [%s]", clip(c.node.Value))
		return
	}
	c.fail("must be a list, not %s; begin each item with a dash", kindOf(c.node))
}

// oneOrList visits the items of a list, or the one value that stands in its place.
func (c cursor) oneOrList(visit func(cursor)) {
	if c.written() && c.node.Kind == yaml.ScalarNode {
		visit(c)
		return
	}
	c.list(visit)
}

// usable reports what no value of the file can be.
func (c cursor) usable() bool {
	n := c.node
	if n.Anchor != "" {
		c.fail("anchors are not supported; what routes share goes into policies or upstreams")
	}
	switch {
	case n.Kind == yaml.AliasNode:
		c.fail("aliases are not supported; what routes share goes into policies or upstreams")
	case n.Style&yaml.TaggedStyle != 0:
		c.fail("the tag %s is not supported; write the value without it", quote(n.Tag))
	case n.ShortTag() == "!!null":
		c.fail("has no value; write one, or remove it")
	default:
		return true
	}
	return false
}

// scalar is the text of a single value, quoted or not.
func (c cursor) scalar() (string, bool) {
	s, ok := c.literal()
	if ok && isVariable(s) {
		c.fail("%s is a variable, and none is filled in here; write its value", quote(s))
		return "", false
	}
	return s, ok
}

// literal is scalar where any text may stand, also one with a $.
func (c cursor) literal() (string, bool) {
	switch {
	case c.node.Kind == yaml.ScalarNode:
		return c.node.Value, true
	case isTemplate(c.node):
		c.fail("is a template that nobody has filled in; write the value")
	default:
		c.fail("must be a single value, not %s", kindOf(c.node))
	}
	return "", false
}

// isVariable says that a shell, or a program like envsubst, was to put something in the place of s or a part of it.
func isVariable(s string) bool {
	at := strings.IndexByte(s, '$')
	if at < 0 || at+1 == len(s) {
		return false
	}
	next := s[at+1]
	return next == '{' || next == '(' || at == 0 && (next == '_' || next >= 'A' && next <= 'Z' || next >= 'a' && next <= 'z')
}

// isTemplate says that n was {{ something }}.
func isTemplate(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return quote(n.Value)
}
