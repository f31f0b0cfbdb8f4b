package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// scan looks at the text of a file itself, for mistakes that are gone or misleading once it has been read as YAML.
type scan struct {
	line, column int
	depth        int  // of [ and { around
	before       rune // the last character of the line that is no space; 0: none
	last         rune // the character before; 0 at the start of a line
	quote        rune // that is open; 0: none
	opened       spot // where it was

	spaces    []spot // that are none to YAML
	variables []spot // ${ inside [ ] or { }, where YAML takes the brace for its own
	unclosed  []spot // quotes that are open at the end of their line; YAML allows that
	crowded   []spot // quotes behind whose end text follows at once
	endless   bool   // the last of unclosed is open at the end of the file
}

// spot is a position in the file and the character there.
type spot struct {
	line, column int
	char         rune
}

// byteOrderMark may begin a file.
const byteOrderMark = '\ufeff'

// scanText scans the whole of text.
func scanText(text string) *scan {
	s := &scan{line: 1, column: 1}
	chars := []rune(text)
	for i := 0; i < len(chars); i++ {
		char := chars[i]
		if s.quote == 0 && char == '#' && (s.last == 0 || s.last == ' ' || s.last == '\t') {
			for i+1 < len(chars) && chars[i+1] != '\n' {
				i++
			}
			continue
		}
		next := rune(0)
		if i+1 < len(chars) {
			next = chars[i+1]
		}
		if s.quote != 0 && s.escapes(char, next) {
			s.advance(char)
			i, char = i+1, next
		} else {
			s.visit(char, next)
		}
		s.advance(char)
	}
	if s.quote != 0 {
		s.runsOn()
		s.endless = true
	}
	return s
}

// escapes says that char and next stand for one character inside the quotes that are open.
func (s *scan) escapes(char, next rune) bool {
	return s.quote == '"' && char == '\\' && next != '\n' || s.quote == '\'' && char == '\'' && next == '\''
}

func (s *scan) visit(char, next rune) {
	at := spot{s.line, s.column, char}
	switch {
	case s.quote != 0:
		s.insideQuotes(at, next)
	case (char == '"' || char == '\'') && strings.ContainsRune("\x00:,[{-?", s.before):
		s.quote, s.opened = char, at
	case isStrangeSpace(char) && (char != byteOrderMark || s.line > 1 || s.column > 1):
		s.spaces = append(s.spaces, at)
	case char == '$' && next == '{' && s.depth > 0:
		s.variables = append(s.variables, at)
	case char == '[' || char == '{':
		s.depth++
	case char == ']' || char == '}':
		s.depth = max(s.depth-1, 0)
	}
}

func (s *scan) insideQuotes(at spot, next rune) {
	switch at.char {
	case '\n':
		s.runsOn()
	case s.quote:
		s.quote = 0
		if next != 0 && !strings.ContainsRune(" \t\r\n,]}:#", next) {
			s.crowded = append(s.crowded, s.opened)
		}
	}
}

// runsOn notes that the quote that is open is not closed on its line.
func (s *scan) runsOn() {
	if !slices.Contains(s.unclosed, s.opened) {
		s.unclosed = append(s.unclosed, s.opened)
	}
}

func (s *scan) advance(char rune) {
	if char == '\n' {
		s.line, s.column, s.before, s.last = s.line+1, 1, 0, 0
		return
	}
	s.column++
	s.last = char
	if char != ' ' && char != '\t' {
		s.before = char
	}
}

// isStrangeSpace says that char looks like a space, or like nothing, and is a letter to YAML.
func isStrangeSpace(char rune) bool {
	const invisible = "\u200b\u200c\u200d\u2060\ufeff"
	return char > unicode.MaxASCII && (unicode.IsSpace(char) && char != '\u0085' || strings.ContainsRune(invisible, char))
}

// replaceStrangeSpaces reports each of them, the first of a line, and makes ordinary spaces of all, so that what else is
// wrong with the file can be told.
func (r *reader) replaceStrangeSpaces(data []byte) []byte {
	if !bytes.ContainsFunc(data, func(r rune) bool { return r > unicode.MaxASCII }) {
		return data
	}
	found := scanText(string(data)).spaces
	if len(found) == 0 {
		return data
	}
	chars, line, column, next, reported := []rune(string(data)), 1, 1, 0, 0
	for i, char := range chars {
		if next < len(found) && line == found[next].line && column == found[next].column {
			if line != reported {
				r.report(line, column, fmt.Sprintf("%s is no space to YAML; write an ordinary one", nameOfSpace(char)))
			}
			chars[i], reported, next = ' ', line, next+1
		}
		column++
		if char == '\n' {
			line, column = line+1, 1
		}
	}
	return []byte(string(chars))
}

func nameOfSpace(char rune) string {
	if char == '\u00a0' {
		return "a no-break space (U+00A0)"
	}
	return fmt.Sprintf("the character U+%04X, which looks like a space,", char)
}
