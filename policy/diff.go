package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Diff is what an edit of the file changes, in the order of its sections. It compares effective files, node by node as
// Config.YAML prints them, so a default that is written down is no change, nor is a comment, and no key can be forgotten.
//
// Lists are sets: neither the order of routes nor that of networks has a meaning. That of endpoints and of listeners only
// says which is used or bound first, which is not worth a word.
func Diff(before, after *Config) []Change {
	var d diff
	was, is := before.alike(after).sections(), after.alike(before).sections()
	for i, section := range is {
		if isKind(section.value, yaml.ScalarNode) {
			d.value(section.key, was[i].value, section.value)
			continue
		}
		d.entries(entries(section.key, was[i].value), entries(section.key, section.value))
	}
	return d.changes
}

// diff collects changes while two effective files are walked side by side.
type diff struct{ changes []Change }

func (d *diff) add(path, from, to string) {
	d.changes = append(d.changes, Change{Path: path, From: from, To: to, Restart: needsRestart(path)})
}

// entries compares what has the same id, in the order of the new file, and then reports what is gone.
func (d *diff) entries(was, is []entry) {
	before, after := byID(was), byID(is)
	for _, e := range is {
		if after[e.id] == e.value { // a list of networks may have one twice
			d.value(asOneKind(e, before[e.id]))
		}
	}
	for _, e := range was {
		if after[e.id] == nil && before[e.id] == e.value {
			d.value(e.path, e.value, nil)
		}
	}
}

// asOneKind makes of an endpoint that is only an address, where it has or had more, a mapping that lacks that.
func asOneKind(e entry, was *yaml.Node) (path string, before, after *yaml.Node) {
	address := func(n *yaml.Node) bool { return isKind(n, yaml.ScalarNode) && n.Value == e.id }
	switch {
	case address(was) && isKind(e.value, yaml.MappingNode):
		return e.path, flow(), e.value
	case address(e.value) && isKind(was, yaml.MappingNode):
		return e.path + "." + e.id, was, flow()
	}
	return e.path, was, e.value
}

// value compares what stands at path; nil is nothing.
func (d *diff) value(path string, was, is *yaml.Node) {
	switch {
	case was != nil && is != nil && inline(was) == inline(is):
	case isKind(was, yaml.SequenceNode) || isKind(is, yaml.SequenceNode):
		d.entries(entries(path, was), entries(path, is))
	case isKind(was, yaml.MappingNode) && isKind(is, yaml.MappingNode):
		d.mappings(path, was, is)
	case was == nil:
		d.add(path, "", brief(is))
	case is == nil && isBlock(was):
		d.add(path, "", "")
	case is == nil:
		d.add(path, inline(was), "")
	default:
		d.add(path, standing(was), standing(is))
	}
}

// mappings compares key by key, unless the two have no key in common, as a protocol with another framing.
func (d *diff) mappings(path string, was, is *yaml.Node) {
	before, after := entries(path, was), entries(path, is)
	if followsProtocol(was) && followsProtocol(is) { // by default; one edit is one change
		follower := func(e entry) bool { return e.id == "upstream_protocol" }
		before, after = slices.DeleteFunc(before, follower), slices.DeleteFunc(after, follower)
	}
	switch {
	case len(common(before, after)) > 0:
		d.entries(before, after)
	case isBlock(was) && isBlock(is):
		d.kind(path, before[0], after[0])
	default:
		d.add(path, inline(was), inline(is))
	}
}

// kind reports a policy of another kind, and what else has changed of the keys that both kinds have.
func (d *diff) kind(path string, was, is entry) {
	d.add(path, was.id, is.id)
	before, after := entries(is.path, was.value), entries(is.path, is.value)
	d.entries(common(before, after), common(after, before))
}

// alike is c with the reset_on of other written into each policy that leaves it to its routes, if they all have that:
// to write it down in the file changes nothing.
func (c *Config) alike(other *Config) *Config {
	written := map[string]ResetOn{}
	for _, p := range other.Policies {
		written[p.Name] = p.ResetOn
	}
	had := map[string][]ResetOn{}
	for _, r := range c.Routes {
		had[r.Policy.Name] = append(had[r.Policy.Name], r.Policy.ResetOn)
	}
	own := *c
	own.Policies = nil
	for _, p := range c.Policies {
		same := *p
		if all := slices.Compact(had[p.Name]); len(all) == 1 && all[0] == written[p.Name] {
			same.ResetOn = all[0]
		}
		own.Policies = append(own.Policies, &same)
	}
	return &own
}

// followsProtocol says that n is a route with the same framing in both directions, or with a protocol of both.
func followsProtocol(n *yaml.Node) bool {
	client, upstream := field(n, "protocol"), field(n, "upstream_protocol")
	return client != nil && (upstream == nil || framingText(client) == framingText(upstream))
}

// framingText is a protocol without its heartbeat.
func framingText(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return inline(flow(pair{n.Value, flow()}))
	}
	return inline(flow(pair{n.Content[0].Value, n.Content[1]}))
}

// entry is one thing in a mapping or a list.
type entry struct {
	id    string // tells it from the others there
	path  string
	value *yaml.Node
}

// entries are the pairs of a mapping or the items of a list; a single value is a list of one, and nil is empty.
func entries(path string, n *yaml.Node) []entry {
	var all []entry
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			all = append(all, entry{key, path + "." + key, n.Content[i+1]})
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			all = append(all, itemOf(path, item))
		}
	default:
		all = append(all, itemOf(path, n))
	}
	return all
}

// itemOf is an item of the list at path. A mapping goes by its first value, as a route does by its name.
func itemOf(path string, item *yaml.Node) entry {
	if item.Kind != yaml.MappingNode {
		return entry{inline(item), path, item}
	}
	id, rest := item.Content[1].Value, *item
	rest.Content = item.Content[2:]
	return entry{id, path + "." + id, &rest}
}

func byID(all []entry) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node, len(all))
	for _, e := range all {
		values[e.id] = e.value
	}
	return values
}

// common are those of all whose id others have, too.
func common(all, others []entry) []entry {
	theirs := byID(others)
	return slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return theirs[e.id] == nil })
}

// brief is a value that is new: of a route where it listens, of an upstream its endpoints, of a policy its kind.
func brief(n *yaml.Node) string {
	if !isBlock(n) {
		return inline(n)
	}
	if listen := field(n, "listen"); listen != nil {
		return "(listens on " + few(listen) + ")"
	}
	if endpoints := field(n, "endpoints"); endpoints != nil {
		return "(" + few(endpoints) + ")"
	}
	if dns := field(n, "dns"); dns != nil {
		return "(dns " + inline(dns.Content[1]) + ")"
	}
	return "(" + n.Content[0].Value + ")"
}

// standing is a value that takes another's place; a policy written inside a route is too long to be repeated.
func standing(n *yaml.Node) string {
	if isBlock(n) {
		return "inline " + brief(n)
	}
	return inline(n)
}

// few lists the first items of a list.
func few(list *yaml.Node) string {
	const most = 3
	var items []string
	for _, e := range entries("", list) {
		items = append(items, e.id)
	}
	if len(items) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
	}
	return strings.Join(items, ", ")
}

// inline is n on one line.
func inline(n *yaml.Node) string {
	var parts []string
	switch {
	case n.Kind == yaml.MappingNode:
		for _, e := range entries("", n) {
			parts = append(parts, e.id+": "+inline(e.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, inline(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return strconv.Quote(n.Value)
	}
	return n.Value
}

// field is the value of a key, nil where it is none.
func field(n *yaml.Node, key string) *yaml.Node { return byID(entries("", n))[key] }

func isKind(n *yaml.Node, kind yaml.Kind) bool { return n != nil && n.Kind == kind }

// isBlock says that n is a mapping with a line for each key: what has a name, or a policy.
func isBlock(n *yaml.Node) bool {
	return isKind(n, yaml.MappingNode) && n.Style&yaml.FlowStyle == 0
}
