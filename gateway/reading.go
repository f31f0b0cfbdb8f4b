package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/file"
)

// reads is what a gateway knows of the readings of its policy file.
type reads struct {
	begun  uint64            // number of the one that began last
	newest uint64            // number of the newest that had a result
	sum    [sha256.Size]byte // of what that one read; zero: nothing
	look   file.Look         // that the file had then; zero: not known

	success time.Time // when a policy was accepted last; zero: never
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
