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
	later := func(cursor) {}
	c.mapping(keys{
		"admin": later, "log": later, "gateway": later, "policies": later, "upstreams": later, "routes": later,
	})
	config := &Config{
		Admin:   c.section("admin").admin(),
		Log:     c.section("log").log(),
		Gateway: c.section("gateway").gateway(),
	}
	in := shared{
		memory: config.Gateway.BufferMemory,
		policies: declare(c.section("policies"), kindOfName[Policy]{
			what: "policy", example: "devices: {long: {}}", read: cursor.policy, nameless: isNamelessPolicy,
		}),
		upstreams: declare(c.section("upstreams"), kindOfName[Upstream]{
			what: "upstream", example: "device_servers: {endpoints: [10.0.0.11:9000]}", read: cursor.upstream, nameless: isNamelessUpstream,
		}),
	}
	config.Policies, config.Upstreams = in.policies.values(), in.upstreams.values()
	config.Routes = c.section("routes").routes(in)
	if routes := c.child("routes"); !routes.written() && c.node.Kind == yaml.MappingNode {
		routes.fail("is missing; a gateway needs at least one route")
	}
	in.policies.warnUnused()
	in.upstreams.warnUnused()
	c.r.checkClaims()
	return config
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
