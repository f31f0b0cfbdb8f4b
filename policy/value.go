package policy

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Each function here is one kind of single value that a key can take, kept at to.

func integer[N int | int64](to *N, least, most N) value {
	return value{
		read:   readInteger(to, least, most),
		node:   func() *yaml.Node { return numberNode(*to) },
		schema: func() schema { return schema{"type": "integer", "minimum": least, "maximum": most} },
	}
}

// limit takes a whole number, or none, which is 0.
func limit(to *int) value {
	const most = math.MaxInt32
	return value{
		read: readLimit(to, most),
		node: func() *yaml.Node {
			if *to == 0 {
				return scalarNode(none)
			}
			return numberNode(*to)
		},
		schema: func() schema {
			return anyOf(schema{"type": "integer", "minimum": 1, "maximum": most}, noneSchema())
		},
	}
}

func boolean(to *bool) value {
	return value{
		read:   readBoolean(to),
		node:   func() *yaml.Node { return boolNode(*to) },
		schema: func() schema { return schema{"type": "boolean"} },
	}
}

// name takes the name of a route.
func name(to *string) value {
	return value{
		read: readName(to),
		node: func() *yaml.Node { return scalarNode(*to) },
		schema: func() schema {
			free := pattern(namePattern)
			free["not"] = schema{"const": NoRoute}
			return free
		},
	}
}

// file takes the path of a file; it is left out of the effective file where there is none.
func file(to *File) value {
	return value{
		read:   readFile(to),
		node:   func() *yaml.Node { return optional(to.String()) },
		schema: func() schema { return schema{"type": "string", "minLength": 1} },
	}
}

// fileOrNone takes the path of a file, or none. It may stand at the top of the file, where also what is not written is read.
func fileOrNone(to *File) value {
	return value{
		read: func(c cursor) {
			switch {
			case !c.written():
			case c.node.Value == none:
				*to = File{}
			default:
				readFile(to)(c)
			}
		},
		node: func() *yaml.Node {
			if to.IsZero() {
				return scalarNode(none)
			}
			return scalarNode(to.String())
		},
		schema: func() schema { return schema{"type": "string", "minLength": 1} },
	}
}

// word takes a word of an enum.
func word[E enum](to *E) value {
	return value{
		read:   readWord(to),
		node:   func() *yaml.Node { return scalarNode(wordOf(*to)) },
		schema: func() schema { return schema{"enum": knownWords[E]()} },
	}
}

// knownWords are the words of an enum.
func knownWords[E enum]() []string {
	var e E
	return slices.DeleteFunc(slices.Clone(e.words()), func(word string) bool { return word == "" })
}

// duration takes a duration or none.
func duration(to *time.Duration) value { return span{none: true}.into(to) }

func (limits span) into(to *time.Duration) value {
	return value{
		read: limits.read(to),
		node: func() *yaml.Node { return scalarNode(units.FormatDuration(*to)) },
		schema: func() schema {
			amount := moreThanZero(durationPattern)
			if limits.none {
				return anyOf(amount, noneSchema())
			}
			return amount
		},
	}
}

// size takes bytes, at least least. Where off, the word none is allowed, which is 0.
func size(to *int64, least int64, off bool) value {
	return value{
		read: readSize(to, least, off),
		node: func() *yaml.Node { return scalarNode(units.FormatSize(*to)) },
		schema: func() schema {
			if off {
				return anyOf(moreThanZero(sizePattern), noneSchema())
			}
			return moreThanZero(sizePattern)
		},
	}
}

// percent takes a share of 0% to 100%.
func percent(to *float64) value {
	return value{
		read:   readPercent(to),
		node:   func() *yaml.Node { return scalarNode(units.FormatPercent(*to)) },
		schema: func() schema { return pattern(percentPattern) },
	}
}

// listener takes an address to listen at; it is left out of the effective file where there is none.
func listener(to *Address) value {
	return value{
		read:   func(c cursor) { *to = c.listener(nil) },
		node:   func() *yaml.Node { return optional(to.String()) },
		schema: addressSchema,
	}
}

func addressSchema() schema { return pattern(addressPattern) }

// address takes an address to connect to.
func address(to *Address) value {
	return value{
		read:   readAddress(to),
		node:   func() *yaml.Node { return scalarNode(to.String()) },
		schema: addressSchema,
	}
}

// networks takes a list of networks and addresses; it is left out of the effective file where it is empty.
func networks(to *[]netip.Prefix) value {
	return value{
		read: readNetworks(to),
		node: func() *yaml.Node {
			if len(*to) == 0 {
				return nil
			}
			var items []*yaml.Node
			for _, p := range *to {
				items = append(items, scalarNode(p.String()))
			}
			return flowList(items...)
		},
		schema: func() schema { return listOf(pattern(`^[0-9A-Fa-f.:]+(/[0-9]+)?$`)) },
	}
}

// byteString takes {text: "..."} or {hex: "..."}; it is left out of the effective file where there are no bytes.
func byteString(to *[]byte) value {
	list := func() keys { return byteKeys(new(string)) }
	return value{
		read:   func(c cursor) { *to = c.bytes() },
		node:   func() *yaml.Node { return bytesNode(*to) },
		schema: func() schema { return list().choiceSchema() },
		below:  list,
	}
}
