package policy

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// declared are the policies or the upstreams of a file, which its routes refer to by name.
type declared[T any] struct {
	what   string // they are, in the singular
	list   []*declaration[T]
	byName map[string]*declaration[T]
}

type declaration[T any] struct {
	name  string
	key   cursor // on the name
	value *T
	used  bool
}

// kindOfName says how what has a name is read.
type kindOfName[T any] struct {
	what     string // it is, in the singular
	example  string // with a name
	read     func(c cursor, name string) *T
	nameless func(key string, value *yaml.Node) bool // this is no name, but a key that belongs below one
}

// article puts a or an before a noun.
func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// declare reads a mapping from names to what read makes of them. A bad one is known too, so that one mistake does not
// become several.
func declare[T any](c cursor, kind kindOfName[T]) *declared[T] {
	all := &declared[T]{what: kind.what, byName: map[string]*declaration[T]{}}
	c.entries(func(key *yaml.Node, value cursor) {
		d := &declaration[T]{name: key.Value, key: value, value: new(T)}
		d.key.line, d.key.column = key.Line, key.Column
		nameless := kind.nameless != nil && kind.nameless(d.name, value.node)
		switch {
		case nameless:
			d.key.fail("stands where the name of %s belongs; write one above it, as in %q", article(kind.what), kind.example)
		case key.ShortTag() != "!!str":
			d.key.fail("is a name that must be text; write it in quotes, as in %q", clip(d.name))
		default:
			d.key.checkName(d.name)
		}
		if value.usable() && !nameless {
			d.value = kind.read(value, d.name)
		}
		all.list = append(all.list, d)
		all.byName[d.name] = d
	})
	c.r.unused = append(c.r.unused, all.warnUnused)
	return all
}

// values are all of them in the order of the file.
func (all *declared[T]) values() []*T {
	var values []*T
	for _, d := range all.list {
		values = append(values, d.value)
	}
	return values
}

// refer is the one whose name stands at c, nil where there is none.
func (all *declared[T]) refer(c cursor) *T {
	var name string
	readText(&name)(c)
	if name == "" {
		return nil
	}
	if d, ok := all.byName[name]; ok {
		d.used = true
		return d.value
	}
	var known []string
	for _, d := range all.list {
		known = append(known, d.name)
	}
	advice := didYouMean(name, known)
	if len(known) == 0 {
		advice = "; the file declares none"
	}
	c.fail("unknown %s %s%s", all.what, quote(name), advice)
	return nil
}

// name takes the name of one of them, which to is then.
func (all *declared[T]) name(to **T) value {
	return value{
		read:   func(c cursor) { *to = all.refer(c) },
		node:   func() *yaml.Node { return scalarNode(nameOf(*to)) },
		schema: func() schema { return pattern(namePattern) },
	}
}

// nameOf is the name of a policy or an upstream.
func nameOf(of any) string {
	switch of := of.(type) {
	case *Policy:
		return of.Name
	case *Upstream:
		return of.Name
	}
	return ""
}

// warnUnused warns of those that no route refers to, once all routes have been read.
func (all *declared[T]) warnUnused() {
	for _, d := range all.list {
		if !d.used {
			d.key.warn("is used by no route")
		}
	}
}

// isNamelessPolicy says that key is short, long or a key inside these, and no name of a policy: what stands at it has
// neither short nor long.
func isNamelessPolicy(key string, value *yaml.Node) bool {
	kind := key == Short.String() || key == Long.String()
	inside := !kind && whereTimerBelongs(key, 0) != ""
	if value.Kind != yaml.MappingNode {
		return kind || inside
	}
	isKind := func(n *yaml.Node) bool { return n.Value == Short.String() || n.Value == Long.String() }
	return (kind || inside) && len(value.Content) > 0 && !slices.ContainsFunc(value.Content, isKind)
}

// isNamelessUpstream says the same of upstreams.
func isNamelessUpstream(key string, value *yaml.Node) bool {
	return new(Upstream).keys().find(key) != nil && value.Kind != yaml.MappingNode
}
