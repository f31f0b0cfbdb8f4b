package gateway

import (
	"bytes"
	"fmt"
	"slices"

	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// inForceOf leaves out the changes that wait for a restart.
func inForceOf(changes []policy.Change) []policy.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c policy.Change) bool { return c.Restart })
}

func changesOf(changes []policy.Change) []api.Change {
	all := []api.Change{}
	for _, c := range changes {
		all = append(all, api.Change{Path: c.Path, From: c.From, To: c.To, Text: c.String(), Restart: c.Restart})
	}
	return all
}

func countProblems(n int, file string) string {
	if n == 1 {
		return "a problem in " + file
	}
	return fmt.Sprintf("%d problems in %s", n, file)
}

// problemsOf adds to each problem the line that it is about.
func problemsOf(problems policy.Problems, data []byte) (all []api.Problem) {
	lines := bytes.Split(data, []byte("\n"))
	for _, p := range problems {
		source := ""
		if p.Line >= 1 && p.Line <= len(lines) {
			source = string(bytes.ToValidUTF8(clipLine(lines[p.Line-1]), []byte("\uFFFD")))
		}
		text := p.Text
		if p.Path != "" {
			text = p.Path + ": " + p.Text
		}
		all = append(all, api.Problem{File: p.File, Line: p.Line, Column: p.Column, Text: text, Source: source})
	}
	return all
}

const longestSource = 500 // bytes of a line that is shown

func clipLine(line []byte) []byte {
	line = bytes.TrimRight(line, "\r")
	return line[:min(len(line), longestSource)]
}

func (g *Gateway) logReload(done *api.Reload) {
	told := *done
	g.log.events.say(api.Event{Kind: api.EventReload, At: told.At, Reload: &told})
	if !done.OK {
		g.log.logger.Error("policy file refused: the one before stays in force", "trigger", done.Trigger, "error", done.Error)
		for _, p := range done.Problems {
			g.log.logger.Error("problem in the policy file", "file", p.File, "line", p.Line, "column", p.Column, "problem", p.Text)
		}
		return
	}
	g.log.logger.Info("policy file took over", "trigger", done.Trigger, "generation", done.Generation, "changes", len(done.Changes))
	for _, c := range done.Changes {
		g.log.logger.Info("changed", "generation", done.Generation, "what", c.Text)
	}
	for _, c := range done.Pending {
		g.log.logger.Warn("changed, but waits for a restart", "generation", done.Generation, "what", c.Text)
	}
	for _, w := range done.Warnings {
		g.log.logger.Warn("warning about the policy file", "warning", w)
	}
}
