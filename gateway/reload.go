package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/file"
	"idlegate/policy"
)

// errNoFile is why there is nothing to reload.
var errNoFile = errors.New("this gateway was started without a policy file, so there is none to read")

// Why the policy file is read again.
const (
	TriggerFile   = "file"   // it was edited
	TriggerSignal = "signal" // SIGHUP
	TriggerCall   = "call"   // of the API
	// TriggerPrevious is a return to the policy before the one in force.
	TriggerPrevious = "previous"
)

const (
	// reloadTimeout bounds a reload until the policy file takes over: the file and name servers may not answer.
	reloadTimeout = 15 * time.Second
	// MaxPolicyBytes is the size of the largest policy file.
	MaxPolicyBytes = file.MaxBytes
)

// ReloadFor reads the policy file at once and puts it in force. What is wrong with it, or in its way, is in the answer: then
// the policy before it stays in force. The error is for a gateway without a file, or the end of ctx before anything was done.
//
// Nothing that hangs holds up a later call: each reads by itself. One that is overtaken by a call that began later gives the
// answer of that one. An edit whose content was read already, as by a signal that followed it at once, changes nothing and
// gives the answer of then.
func (g *Gateway) ReloadFor(ctx context.Context, trigger string) (api.Reload, error) {
	if g.cfg.File == "" {
		return api.Reload{}, errNoFile
	}
	defer g.reloading()()
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

// Previous goes back to the policy that was in force before this one; asked for again, it returns to this one. The file stays as
// it is, and is read again after its next edit, at a signal or a call.
func (g *Gateway) Previous(ctx context.Context) (api.Reload, error) {
	defer g.reloading()()
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

// load puts the policy that was read in force.
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

// adoptPolicy puts a policy in force, and notes in r what came of it.
func (g *Gateway) adoptPolicy(ctx context.Context, r *reading, cfg *policy.Config) {
	done := &r.done
	r.cfg = cfg
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
