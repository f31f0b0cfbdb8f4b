package policy

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Parse reads the policy file in data; name is what messages call it. The error is a Problems with all that is wrong.
func Parse(name string, data []byte) (*Config, error) {
	r := &reader{file: name}
	var config *Config
	if root := r.document(data); root != nil {
		top := cursor{r: r}.to(root, "")
		if top.usable() {
			config = top.config()
		}
	}
	if config != nil {
		config.name, config.marks = name, r.marks
		r.problems = append(r.problems, config.Circles(fromFile())...)
	}
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	r.warnings.sort()
	config.warnings = r.warnings
	return config, nil
}

// config reads the sections in the order in which they need each other, whatever their order in the file.
func (c cursor) config() *Config {
	config := &Config{}
	list := config.keys()
	list.setDefaults()
	c.mapping(list.without())
	for _, k := range list {
		k.takes.read(c.section(k.name))
	}
	if routes := c.child("routes"); !routes.written() && c.node.Kind == yaml.MappingNode {
		routes.fail("is missing; a gateway needs at least one route")
	}
	for _, warn := range c.r.unused {
		warn()
	}
	c.r.checkClaims()
	return config
}

// without is list with values that are not read and may be missing.
func (list keys) without() keys {
	var names keys
	for _, k := range list {
		names = append(names, key{name: k.name, takes: value{read: func(cursor) {}}})
	}
	return names
}

// section is the value of a top-level key, absent where it has been reported as unusable.
func (c cursor) section(key string) cursor {
	at := c.child(key)
	if at.written() && (at.node.Kind == yaml.AliasNode || at.node.ShortTag() == "!!null") {
		at.node = nil
	}
	return at
}

// document is the one document of a file, nil if it has none or is no YAML.
func (r *reader) document(data []byte) *yaml.Node {
	if at := invalidUTF8(data); at >= 0 {
		before := data[:at]
		start := bytes.LastIndexByte(before, '\n') + 1
		r.report(1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[start:]), "the file is not text in UTF-8")
		return nil
	}
	data = r.replaceStrangeSpaces(data)
	var first, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) || err == nil && blank(&first) {
		r.report(1, 1, "the file is empty; a policy file has at least upstreams and routes")
		return nil
	}
	if err != nil {
		r.syntax(err, data)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.report(second.Line, second.Column, "a second document begins here; a policy file has one")
	case !errors.Is(err, io.EOF):
		r.syntax(err, data)
	}
	return first.Content[0]
}

func blank(document *yaml.Node) bool {
	root := document.Content[0]
	return root.ShortTag() == "!!null" && root.Value == ""
}

func (r *reader) report(line, column int, text string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Column: column, Text: text})
}
