package policy

import (
	"net/netip"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Each function here makes the reader of one kind of value, which leaves the default in place where the value is bad.

// none is the word that switches a duration or a limit off.
const none = units.None

// maxName is the length of a name in bytes; names become metric labels and command arguments.
const maxName = 64

// readInteger reads a whole number from least to most.
func readInteger[N int | int64](to *N, least, most N) func(cursor) {
	return func(c cursor) {
		s, ok := c.scalar()
		if !ok {
			return
		}
		n, err := strconv.ParseInt(s, 10, 64)
		quoted := c.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		switch {
		case err != nil || quoted || strconv.FormatInt(n, 10) != s:
			c.fail("must be a plain whole number from %d to %d, not %s", least, most, quote(s))
		case n < int64(least) || n > int64(most):
			c.fail("must be from %d to %d, not %d", least, most, n)
		default:
			*to = N(n)
		}
	}
}

// readLimit reads a whole number up to most, or none, which is 0.
func readLimit(to *int, most int) func(cursor) {
	return func(c cursor) {
		if c.node.Value == none {
			*to = 0
			return
		}
		if c.node.Value == "0" {
			c.fail("must be more than 0; write none for no limit")
			return
		}
		readInteger(to, 1, most)(c)
	}
}

func readBoolean(to *bool) func(cursor) {
	return func(c cursor) {
		if c.node.Kind == yaml.ScalarNode && isVariable(c.node.Value) {
			c.scalar()
			return
		}
		if c.node.ShortTag() != "!!bool" {
			c.fail("must be plain true or false, not %s", kindOf(c.node))
			return
		}
		*to = strings.EqualFold(c.node.Value, "true")
	}
}

// readText reads what YAML itself takes for text, so that a name is never a number or a truth value by accident.
func readText(to *string) func(cursor) {
	return func(c cursor) {
		if s, ok := c.scalar(); ok {
			c.checkText(s, to)
		}
	}
}

// readLiteral reads text that may have a $ in it.
func readLiteral(to *string) func(cursor) {
	return func(c cursor) {
		if s, ok := c.literal(); ok {
			c.checkText(s, to)
		}
	}
}

func (c cursor) checkText(s string, to *string) {
	switch {
	case c.node.ShortTag() != "!!str":
		c.fail("must be text; write it in quotes, as in %q", clip(s))
	case s == "":
		c.fail("is empty; write a value, or remove the key")
	default:
		*to = s
	}
}

// readFile reads the path of a file.
func readFile(to *File) func(cursor) {
	return func(c cursor) {
		var path string
		readText(&path)(c)
		c.mark()
		if !printable(path) {
			c.fail("%s has unprintable characters", quote(path))
		}
		if path != "" {
			*to = fileAt(c.r.file, path)
		}
	}
}

// readName reads the name of a route.
func readName(to *string) func(cursor) {
	return func(c cursor) {
		var s string
		readText(&s)(c)
		if s != "" && c.checkName(s) {
			*to = s
		}
	}
}

// checkName reports what cannot be the name of a route, a policy or an upstream.
func (c cursor) checkName(s string) bool {
	switch {
	case len(s) > maxName:
		c.fail("is a name of %d characters; a name can have %d", len(s), maxName)
	case !isName(s):
		c.fail("%s is not a name; names begin with a letter or a digit and have letters, digits and _ - . only", quote(s))
	default:
		return true
	}
	return false
}

func isName(s string) bool {
	for i := range len(s) {
		b := s[i]
		alphanumeric := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !alphanumeric && (i == 0 || b != '_' && b != '-' && b != '.') {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// readWord reads the word of an enum.
func readWord[E enum](to *E) func(cursor) {
	return func(c cursor) {
		s, ok := c.scalar()
		if !ok {
			return
		}
		value, ok := valueOf[E](s)
		if !ok {
			c.fail("must be %s, not %s", listWords[E](), quote(s))
			return
		}
		*to = value
	}
}

// listWords lists the words of an enum: a, b or c.
func listWords[E enum]() string {
	known := knownWords[E]()
	last := len(known) - 1
	return strings.Join(known[:last], ", ") + " or " + known[last]
}

func readAddress(to *Address) func(cursor) {
	return func(c cursor) {
		s, ok := c.scalar()
		if !ok {
			return
		}
		a, err := ParseAddress(s)
		if err != nil {
			c.fail("%s", err)
			return
		}
		*to = a
	}
}

// readNetworks reads a list that must not be empty: an operator who writes allow: [] means the opposite of what it would do.
func readNetworks(to *[]netip.Prefix) func(cursor) {
	return func(c cursor) {
		c.list(func(c cursor) {
			s, ok := c.scalar()
			if !ok {
				return
			}
			p, err := parsePrefix(s)
			if err != nil {
				c.fail("%s", err)
				return
			}
			*to = append(*to, p)
		})
		c.refuseEmpty("a network, or remove the key")
	}
}

// refuseEmpty reports a list without items; what says what it should have.
func (c cursor) refuseEmpty(what string) {
	if c.written() && c.node.Kind == yaml.SequenceNode && len(c.node.Content) == 0 {
		c.fail("is empty; add %s", what)
	}
}
