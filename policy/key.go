package policy

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// key is one key of a mapping of the file, and all that is known of it: what the file may say there is read, printed and
// compared by it, and the reference and the JSON Schema are made of it.
type key struct {
	name     string
	takes    value
	standard string // the value that holds where the key is not written, as the file would have it; "": see without
	without  string // what holds then, in words
	example  string // of a value, where the key must be written; "": it need not be
	doc      string // for the reference, in Markdown
}

// keys are those of one mapping, in the order in which they are printed and described.
type keys []key

// value is what a key takes.
type value struct {
	read   func(c cursor)    // leaves alone what is there where the file's value is bad
	node   func() *yaml.Node // what is printed; nil: nothing
	schema func() schema
	below  func() keys // of the mappings in it; nil: there are none
	item   string      // what stands between the key and those below in a path: "", ".NAME" or "[]"
	nested bool        // the defaults below hold also where the key itself is not written
}

// mapping takes a mapping with these keys, on one line.
func mapping(list keys) value {
	return value{
		read:   func(c cursor) { c.mapping(list) },
		node:   func() *yaml.Node { return flow(list.pairs()...) },
		schema: list.schema,
		below:  list.self,
		nested: true,
	}
}

// section takes a mapping with a line for each key.
func section(list keys) value {
	return mapping(list).printed(func() *yaml.Node { return block(list.pairs()...) })
}

// then is v with a check of what has been read.
func (v value) then(check func(c cursor)) value {
	read := v.read
	v.read = func(c cursor) { read(c); check(c) }
	return v
}

// reading is v with another way to read it.
func (v value) reading(read func(c cursor)) value {
	v.read = read
	return v
}

// printed is v with another form in the effective file.
func (v value) printed(node func() *yaml.Node) value {
	v.node = node
	return v
}

// either takes a single value in one way and a mapping in the other.
func either(single, mapped value) value {
	mapped.read = byForm(single.read, mapped.read)
	one, other := single.schema, mapped.schema
	mapped.schema = func() schema { return anyOf(one(), other()) }
	mapped.nested = false
	return mapped
}

// noneOr takes the word none where else a mapping stands, as in example.
func noneOr(example string) value {
	return value{
		read: func(c cursor) {
			if s, ok := c.scalar(); ok && s != none {
				c.fail("must be a mapping, as in %s, or none, not %s", example, quote(s))
			}
		},
		schema: noneSchema,
	}
}

func byForm(single, mapped func(cursor)) func(cursor) {
	return func(c cursor) {
		if c.node.Kind == yaml.MappingNode {
			mapped(c)
			return
		}
		single(c)
	}
}

// oneOf takes a mapping with exactly one of the keys that list returns, and any of those beside it.
func oneOf(list func() keys, beside ...key) value {
	return value{
		read:   func(c cursor) { c.choice(list(), beside...) },
		schema: func() schema { return list().choiceSchema(beside...) },
		below:  func() keys { return append(list(), beside...) },
	}
}

func (list keys) self() keys { return list }

// find is the key of that name, nil where there is none.
func (list keys) find(name string) *key {
	if at := slices.IndexFunc(list, func(k key) bool { return k.name == name }); at >= 0 {
		return &list[at]
	}
	return nil
}

// names are those of all keys.
func (list keys) names() []string {
	var names []string
	for _, k := range list {
		names = append(names, k.name)
	}
	return names
}

// setDefaults gives every value its default.
func (list keys) setDefaults() {
	for _, k := range list {
		if k.standard != "" {
			k.takes.read(cursor{r: &reader{}, node: parsed(k.standard)})
		}
		if k.takes.nested {
			k.takes.below().setDefaults()
		}
	}
}

// parsed is a single value as the file would have it.
func parsed(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	n.Tag = n.ShortTag() // what YAML itself takes it for
	return n
}

// pairs are the keys with the values in force.
func (list keys) pairs() []pair {
	var all []pair
	for _, k := range list {
		all = append(all, pair{k.name, k.takes.node()})
	}
	return all
}
