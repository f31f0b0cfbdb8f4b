package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/file"
	"idlegate/policy"
)

// reads is what a gateway knows of the readings of its policy file.
type reads struct {
	begun   uint64            // number of the one that began last
	newest  uint64            // number of the newest that had a result
	sum     [sha256.Size]byte // of what that one read; zero: nothing
	look    file.Look         // that the file had then; zero: not known
	says    *policy.Config    // what that one read; nil: nothing that is a policy
	refusal *api.Reload       // why the file that was read last was refused; nil: it was not

	success time.Time // when a policy was accepted last; zero: never
}

// reading is one reading of the policy file.
type reading struct {
	number uint64
	data   []byte
	sum    [sha256.Size]byte
	look   file.Look
	err    error
	cfg    *policy.Config // that was to take over; nil: the content is none
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
	g.noteFile(r)
	g.mu.Unlock()
	g.logReload(&r.done)
	return r.done
}

// noteFile notes whether the policy in force is what the file says. g.mu is held.
func (g *Gateway) noteFile(r *reading) {
	if r.done.Trigger != TriggerPrevious {
		g.reads.says, g.reads.refusal = r.cfg, nil
		if !r.done.OK {
			g.reads.refusal = &r.done
		}
	}
	if !r.done.OK {
		return
	}
	g.reads.success, g.wentBack = r.done.At, time.Time{}
	if says := g.reads.says; says == nil || len(policy.Diff(says, r.cfg)) > 0 {
		g.wentBack = r.done.At
	}
}
