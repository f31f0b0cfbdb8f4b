package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/file"
	"idlegate/policy"
)

// errNoFile is why there is nothing to reload.
var errNoFile = errors.New("the gateway was not made from a policy file")

// What has the policy file read again.
const (
	TriggerFile   = "file"   // it was edited
	TriggerSignal = "signal" // SIGHUP
	TriggerCall   = "call"   // of the API
	// TriggerPrevious has the policy before the one in force take over again.
	TriggerPrevious = "previous"
)

const (
	// reloadTimeout bounds a reload until the policy file takes over: the file and name servers may not answer.
	reloadTimeout = 15 * time.Second
	// MaxPolicyBytes is the size of the largest policy file.
	MaxPolicyBytes = file.MaxBytes
)

// reads is what a gateway knows of the readings of its policy file.
type reads struct {
	begun  uint64            // number of the one that began last
	newest uint64            // number of the newest that had a result
	sum    [sha256.Size]byte // of what that one read; zero: nothing
	look   file.Look         // that the file had then; zero: not known

	success time.Time // when a policy was accepted last; zero: never
}

// ReloadFor reads the policy file at once and has it take over. What is wrong with it, or in its way, is in the answer: then
// the policy before it stays in force. The error is for a gateway without a file, or the end of ctx before anything was done.
//
// Nothing that hangs holds up a later call: each reads by itself. One that is overtaken by a call that began later gives the
// answer of that one. An edit whose content was read already, as by a signal that followed it at once, changes nothing and
// gives the answer of then.
func (g *Gateway) ReloadFor(ctx context.Context, trigger string) (api.Reload, error) {
	if g.cfg.File == "" {
		return api.Reload{}, errNoFile
	}
	bounded, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	r := reading{number: g.beginRead(), done: api.Reload{At: time.Now(), Trigger: trigger, Changes: []api.Change{}, Pending: []api.Change{}, Warnings: []string{}}}
	r.data, r.look, r.err = g.file.Read(bounded)
	switch {
	case ctx.Err() != nil:
		return api.Reload{}, ctx.Err()
	case r.err != nil && trigger == TriggerFile && errors.Is(r.err, file.ErrChanging):
		return g.answerOf(&r), nil // two looks will agree again
	case r.err != nil:
		r.done.Error = r.err.Error()
		return g.conclude(&r), nil
	}
	r.sum = sha256.Sum256(r.data)
	if err := g.takeTurn(bounded); err != nil {
		return api.Reload{}, err
	}
	defer g.endTurn()
	if g.isKnown(&r) {
		return g.answerOf(&r), nil
	}
	g.load(bounded, &r)
	if !r.done.OK && ctx.Err() != nil {
		return api.Reload{}, ctx.Err()
	}
	return g.conclude(&r), nil
}

// Reload is ReloadFor a call of the API.
func (g *Gateway) Reload(ctx context.Context) (api.Reload, error) {
	return g.ReloadFor(ctx, TriggerCall)
}

// errNoPrevious is why there is nothing to go back to.
var errNoPrevious = errors.New("no other policy was in force before this one since the gateway was started")

// Previous has the policy take over again that was in force before this one; asked for again, it goes forth again. The file stays as
// it is, and is read again after its next edit, at a signal or a call.
func (g *Gateway) Previous(ctx context.Context) (api.Reload, error) {
	bounded, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	if err := g.takeTurn(bounded); err != nil {
		return api.Reload{}, err
	}
	defer g.endTurn()
	before := g.current().before
	if before == nil {
		return api.Reload{}, errNoPrevious
	}
	r := reading{number: g.beginRead(), done: api.Reload{
		At: time.Now(), Trigger: TriggerPrevious, Changes: []api.Change{}, Pending: []api.Change{}, Warnings: []string{},
	}}
	g.mu.Lock()
	r.sum, r.look = g.reads.sum, g.reads.look
	g.mu.Unlock()
	g.adoptPolicy(bounded, &r, before)
	if !r.done.OK && ctx.Err() != nil {
		return api.Reload{}, ctx.Err()
	}
	return g.conclude(&r), nil
}

// reading is one reading of the policy file.
type reading struct {
	number uint64
	data   []byte
	sum    [sha256.Size]byte
	look   file.Look
	err    error
	done   api.Reload
}

func (g *Gateway) beginRead() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reads.begun++
	return g.reads.begun
}

// takeTurn waits until no other policy file is on its way to take over.
func (g *Gateway) takeTurn(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("an earlier edit is still taking over: %w", ctx.Err())
	}
}

func (g *Gateway) endTurn() { <-g.turn }

// isKnown reports whether r has nothing to tell: a later reading has a result, or an edit left the content as it was.
func (g *Gateway) isKnown(r *reading) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.number < g.reads.newest {
		return true
	}
	if r.done.Trigger != TriggerFile || r.sum != g.reads.sum {
		return false
	}
	g.reads.newest, g.reads.look = r.number, r.look
	return true
}

// answerOf returns the result of the newest reading, for r that has none of its own.
func (g *Gateway) answerOf(r *reading) api.Reload {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lastReload != nil {
		return *g.lastReload
	}
	r.done.OK, r.done.Generation = true, g.generation.number
	return r.done
}

// conclude notes the result of r, unless a later reading has one, and logs it. That an edited file still cannot be read is
// told once.
func (g *Gateway) conclude(r *reading) api.Reload {
	g.mu.Lock()
	r.done.Generation = g.generation.number
	last := g.lastReload
	again := r.err != nil && r.done.Trigger == TriggerFile && last != nil && !last.OK && last.Error == r.done.Error
	if overtaken := r.number < g.reads.newest; overtaken || again {
		g.mu.Unlock()
		return r.done
	}
	g.reads.newest, g.reads.sum, g.reads.look = r.number, r.sum, r.look
	if r.err != nil {
		g.reads.look = file.Look{} // it is tried again until it can be read
	}
	g.lastReload = &r.done
	if r.done.OK {
		g.wentBack = time.Time{}
		if r.done.Trigger == TriggerPrevious {
			g.wentBack = r.done.At
		}
	}
	if r.done.OK {
		g.reads.success = r.done.At
	}
	g.mu.Unlock()
	g.logReload(&r.done)
	return r.done
}

// load has the policy that was read take over.
func (g *Gateway) load(ctx context.Context, r *reading) {
	done := &r.done
	cfg, err := policy.Parse(g.cfg.File, r.data)
	var problems policy.Problems
	if errors.As(err, &problems) {
		done.Error = countProblems(len(problems), g.cfg.File)
		done.Problems = problemsOf(problems, r.data)
		return
	}
	g.adoptPolicy(ctx, r, cfg)
}

// adoptPolicy has a policy take over, and notes in r what came of it.
func (g *Gateway) adoptPolicy(ctx context.Context, r *reading, cfg *policy.Config) {
	done := &r.done
	changes, err := g.apply(ctx, cfg)
	if err != nil {
		done.Error = err.Error()
		return
	}
	done.OK = true
	done.Changes, done.Pending = changesOf(inForceOf(changes)), changesOf(g.current().pending)
	for _, w := range cfg.Warnings() {
		done.Warnings = append(done.Warnings, w.String())
	}
	done.Warnings = append(done.Warnings, g.unresolved()...)
}

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

// watch reloads the policy file after each edit, until the returned function is called or ctx ends.
func (g *Gateway) watch(ctx context.Context) (end func()) {
	if g.cfg.File == "" || g.cfg.Every <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		g.file.Watch(ctx, file.Watch{Every: g.cfg.Every, Settled: func(look file.Look) { g.reloadEdited(ctx, look) }, Failing: g.logLook})
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// reloadEdited reloads the policy file if it does not look as it did when it was read last.
func (g *Gateway) reloadEdited(ctx context.Context, look file.Look) {
	g.mu.Lock()
	read := look == g.reads.look
	g.mu.Unlock()
	if !read {
		_, _ = g.ReloadFor(ctx, TriggerFile) // what became of it is in the log
	}
}

// unseen says why edits of the policy file are not noticed.
type unseen struct {
	err   error // nil: they are
	since time.Time
}

func (g *Gateway) logLook(err error) {
	g.mu.Lock()
	if err == nil || g.unseen.err == nil {
		g.unseen.since = time.Now()
	}
	g.unseen.err = err
	g.mu.Unlock()
	if err != nil {
		g.log.logger.Warn("edits of the policy file are not noticed now", "file", g.cfg.File, "error", err)
		return
	}
	g.log.logger.Info("edits of the policy file are noticed again", "file", g.cfg.File)
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
