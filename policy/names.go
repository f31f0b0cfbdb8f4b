package policy

import "gopkg.in/yaml.v3"

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

// declare reads a mapping from names to what read makes of them. A bad one is known too, so that one mistake does not
// become several.
func declare[T any](c cursor, what string, read func(c cursor, name string) *T) *declared[T] {
	all := &declared[T]{what: what, byName: map[string]*declaration[T]{}}
	c.entries(func(key *yaml.Node, value cursor) {
		d := &declaration[T]{name: key.Value, key: value, value: new(T)}
		d.key.line, d.key.column = key.Line, key.Column
		if key.ShortTag() != "!!str" {
			d.key.fail("is a name that must be text; write it in quotes, as in %q", clip(d.name))
		} else {
			d.key.checkName(d.name)
		}
		if value.usable() {
			d.value = read(value, d.name)
		}
		all.list = append(all.list, d)
		all.byName[d.name] = d
	})
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
	text(&name)(c)
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

// warnUnused warns of those that no route refers to.
func (all *declared[T]) warnUnused() {
	for _, d := range all.list {
		if !d.used {
			d.key.warn("is used by no route")
		}
	}
}
