package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// syntax reports what yaml.v3 makes of a text that is no YAML. It knows lines, not columns, so the column is that of the
// first character in the line.
func (r *reader) syntax(err error, data []byte) {
	if r.quoting(scanText(string(data))) {
		return
	}
	line, text := cutLine(strings.TrimPrefix(err.Error(), "yaml: "))
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	line = min(line, len(lines))
	if at := anchorLine(text, lines); at > 0 {
		line = at
	}
	indent := len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	r.report(line, indent+1, "not YAML: "+text+syntaxAdvice(text, lines[line-1]))
}

// quoting reports what the text itself shows to be behind a text that is no YAML, and whether there is such a thing.
func (r *reader) quoting(s *scan) bool {
	switch {
	case len(s.variables) > 0:
		at := s.variables[0]
		r.report(at.line, at.column, "not YAML: ${...} is a variable, and none is filled in here; write its value")
	case len(s.crowded) > 0:
		r.crowded(s.crowded[0], slices.Contains(s.unclosed, s.crowded[0]))
	case s.endless:
		r.crowded(s.unclosed[len(s.unclosed)-1], true)
	default:
		return false
	}
	return true
}

// crowded reports a quote whose end is not where it should be.
func (r *reader) crowded(at spot, runsOn bool) {
	text := fmt.Sprintf("the quote %c that opens here is not closed on its line", at.char)
	if !runsOn {
		text = fmt.Sprintf("text follows right behind the text in %c%c that begins here; %s", at.char, at.char, quoteInside(at.char))
	}
	r.report(at.line, at.column, "not YAML: "+text)
}

// quoteInside says how to write a quote inside quotes.
func quoteInside(quote rune) string {
	if quote == '"' {
		return `inside "" a quote is written \"`
	}
	return "inside '' a quote is written ''"
}

// cutLine takes the line off a message of yaml.v3, which leaves it out where it would be the first.
func cutLine(message string) (line int, text string) {
	rest, ok := strings.CutPrefix(message, "line ")
	number, text, found := strings.Cut(rest, ": ")
	line, err := strconv.Atoi(number)
	if !ok || !found || err != nil {
		return 1, message
	}
	if countsFromZero(text) {
		line++
	}
	return line, text
}

// countsFromZero says that yaml.v3 counts the line of that message from 0, as it does in all that its parser says, unlike
// its scanner (yaml.v3 3.0.1, decode.go, parser.fail).
func countsFromZero(message string) bool {
	return slices.Contains([]string{
		"did not find expected <document start>", "did not find expected node content", "did not find expected key",
		"did not find expected '-' indicator", "did not find expected ',' or ']'", "did not find expected ',' or '}'",
	}, message)
}

// anchorLine finds the alias that yaml.v3 does not know, which it names without a line; 0 where it cannot be found.
func anchorLine(message string, lines []string) int {
	name, ok := strings.CutPrefix(message, "unknown anchor '")
	if !ok {
		return 0
	}
	name = "*" + strings.TrimSuffix(name, "' referenced")
	return 1 + slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, name) })
}

// syntaxAdvice is what to do about the commonest mistakes.
func syntaxAdvice(message, line string) string {
	switch {
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		return "; indent with spaces, not tabs"
	case strings.Contains(line, "[:") || strings.Contains(line, ", :"):
		return "; inside [ ] an address that begins with a colon needs quotes"
	case message == "did not find expected key" || message == "did not find expected '-' indicator":
		return "; check the indentation from here on"
	case strings.HasPrefix(message, "did not find expected ','"):
		return "; check brackets and commas from here on"
	case strings.HasPrefix(message, "unknown anchor") || strings.Contains(line, ": *"):
		return "; a value that begins with * needs quotes"
	}
	return ""
}

// invalidUTF8 is the index of the first byte that is no part of a character, -1 where there is none. What YAML would
// take in UTF-16 is refused with it.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		char, size := utf8.DecodeRune(data[i:])
		if char == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
