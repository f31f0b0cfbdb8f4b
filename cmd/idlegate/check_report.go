package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"idlegate/policy"
)

// findings are what check has found.
type findings struct {
	source
	cfg      *policy.Config // nil where the file itself is wrong
	problems policy.Problems
	warnings policy.Problems
}

// errReported is the end of a check whose problems have been written already.
var errReported = errors.New("the policy file has problems")

// verdict is the error that makes check fail, nil where nothing does.
func (f findings) verdict(strict bool) error {
	switch {
	case len(f.problems) > 0:
		return errReported
	case strict && len(f.warnings) > 0:
		return fmt.Errorf("%s, and --strict fails on any", count(len(f.warnings), "warning", "warnings"))
	}
	return nil
}

// writeText writes what was found to standard error, and where that is no problem the effective policy, or a line that
// counts what there is, to standard output.
func (f findings) writeText(cmd *cobra.Command, effective bool) error {
	for _, p := range f.problems {
		fmt.Fprint(cmd.ErrOrStderr(), p, "\n", f.excerpt(p))
	}
	for _, w := range f.warnings {
		fmt.Fprint(cmd.ErrOrStderr(), asWarning(w), "\n", f.excerpt(w))
	}
	var err error
	switch {
	case len(f.problems) > 0:
	case effective:
		_, err = cmd.OutOrStdout().Write(f.cfg.YAML())
	default:
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: %s\n", f.name, contents(f.cfg))
	}
	return err
}

// asWarning tells a warning from a problem, behind its position.
func asWarning(w policy.Problem) policy.Problem {
	if w.Path == "" {
		w.Text = "warning: " + w.Text
		return w
	}
	w.Path = "warning: " + w.Path
	return w
}

const (
	excerptIndent = "    "
	excerptWidth  = 120 // characters of a line that are shown at most
)

// excerpt is the line of a problem, and a mark below its column; "" where there is no such line.
func (f findings) excerpt(p policy.Problem) string {
	line := []rune(f.line(p.Line))
	at := p.Column - 1
	if len(line) == 0 || at > len(line) {
		return ""
	}
	before, after := line[:at], line[at:]
	if cut := len(before) - excerptWidth/2; cut > 0 && len(line) > excerptWidth {
		before = append([]rune("..."), before[cut:]...)
	}
	if room := excerptWidth - len(before); len(after) > room {
		after = append(after[:room:room], []rune("...")...)
	}
	return fmt.Sprintf("%s%s%s\n%s%s^\n", excerptIndent, visible(before), visible(after), excerptIndent, blankOf(before))
}

// line is the text of a line, counted from 1.
func (f findings) line(number int) string {
	for ; number > 1; number-- {
		_, rest, found := bytes.Cut(f.data, []byte("\n"))
		if !found {
			return ""
		}
		f.data = rest
	}
	line, _, _ := bytes.Cut(f.data, []byte("\n"))
	return strings.TrimRight(strings.ToValidUTF8(string(line), string(utf8.RuneError)), "\r")
}

// visible is text without what would move a terminal's cursor.
func visible(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == '\x7f' {
			return utf8.RuneError
		}
		return r
	}, string(text))
}

// blankOf is as wide as text; tabs stay, since a terminal knows how wide they are.
func blankOf(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}

// finding is a problem or a warning in JSON.
type finding struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`
	Text   string `json:"text"`
	Source string `json:"source"`
}

func (f findings) writeJSON(to io.Writer) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		OK       bool      `json:"ok"`
		Problems []finding `json:"problems"`
		Warnings []finding `json:"warnings"`
	}{len(f.problems) == 0, f.inJSON(f.problems), f.inJSON(f.warnings)})
}

func (f findings) inJSON(problems policy.Problems) []finding {
	all := []finding{}
	for _, p := range problems {
		all = append(all, finding{p.File, p.Line, p.Column, p.Path, p.Text, f.line(p.Line)})
	}
	return all
}

// contents counts what a policy has.
func contents(cfg *policy.Config) string {
	return fmt.Sprintf("%s, %s, %s", count(len(cfg.Routes), "route", "routes"),
		count(len(cfg.Upstreams), "upstream", "upstreams"), count(len(cfg.Policies), "policy", "policies"))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
