package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// errNoFile is why there is nothing to reload.
var errNoFile = errors.New("the gateway was not made from a policy file")

// What has the policy file read again.
const (
	TriggerFile   = "file"   // it was edited
	TriggerSignal = "signal" // SIGHUP
	TriggerCall   = "call"   // of the API
)

// ReloadFor reads the policy file and has it take over. What is wrong with it, or in its way, is in the answer: then the
// policy before it stays in force. An edit whose content was read already, as by a signal that followed it at once, changes
// nothing and gives the answer of then.
func (g *Gateway) ReloadFor(trigger string) (api.Reload, error) {
	if g.cfg.File == "" {
		return api.Reload{}, errNoFile
	}
	g.reloading.Lock()
	defer g.reloading.Unlock()
	done := api.Reload{At: time.Now(), Trigger: trigger, Changes: []api.Change{}, Warnings: []string{}}
	data, err := os.ReadFile(g.cfg.File)
	sum := [sha256.Size]byte{} // where it could not be read, so that it is when it is back
	if err == nil {
		sum = sha256.Sum256(data)
		if trigger == TriggerFile && sum == g.lastRead {
			return *g.lastReload, nil
		}
	}
	g.lastRead = sum
	if g.cfg.Read != nil && err == nil {
		g.cfg.Read(sum)
	}
	g.load(&done, data, err)
	g.mu.Lock()
	done.Generation = g.generation.number
	g.lastReload = &done
	g.mu.Unlock()
	g.logReload(&done)
	return done, nil
}

// Reload is ReloadFor a call of the API.
func (g *Gateway) Reload(context.Context) (api.Reload, error) { return g.ReloadFor(TriggerCall) }

// load has the policy in data, read with err, take over.
func (g *Gateway) load(done *api.Reload, data []byte, err error) {
	if err != nil {
		done.Error = err.Error()
		return
	}
	cfg, err := policy.Parse(g.cfg.File, data)
	var problems policy.Problems
	if errors.As(err, &problems) {
		done.Error = countProblems(len(problems), g.cfg.File)
		done.Problems = problemsOf(problems, data)
		return
	}
	changes, err := g.Apply(cfg)
	if err != nil {
		done.Error = err.Error()
		return
	}
	done.OK = true
	for _, c := range changes {
		done.Changes = append(done.Changes, api.Change{Path: c.Path, From: c.From, To: c.To, Text: c.String(), Restart: c.Restart})
	}
	for _, w := range cfg.Warnings() {
		done.Warnings = append(done.Warnings, w.String())
	}
	done.Warnings = append(done.Warnings, g.unresolved()...)
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
	if !done.OK {
		g.log.logger.Error("policy file refused: the one before stays in force", "trigger", done.Trigger, "error", done.Error)
		for _, p := range done.Problems {
			g.log.logger.Error("problem in the policy file", "file", p.File, "line", p.Line, "column", p.Column, "problem", p.Text)
		}
		return
	}
	g.log.logger.Info("policy file took over", "trigger", done.Trigger, "generation", done.Generation, "changes", len(done.Changes))
	for _, c := range done.Changes {
		text := "changed"
		if c.Restart {
			text = "changed, but waits for a restart"
		}
		g.log.logger.Info(text, "generation", done.Generation, "what", c.Text)
	}
	for _, w := range done.Warnings {
		g.log.logger.Warn("warning about the policy file", "warning", w)
	}
}
