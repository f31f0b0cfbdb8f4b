package gateway

import (
	"context"
	"sync"
	"time"

	"idlegate/gateway/internal/file"
)

// watches reports whether the policy file is looked at.
func (c *Config) watches() bool { return c.File != "" && c.Every > 0 }

// watch reloads the policy file after each edit, until the returned function is called or ctx ends.
func (g *Gateway) watch(ctx context.Context) (end func()) {
	if !g.cfg.watches() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		g.file.Watch(ctx, file.Watch{
			Every: g.cfg.Every, Settled: func(look file.Look) { g.reloadEdited(ctx, look) }, Failing: g.logLook,
			Ticks: func(ctx context.Context, every time.Duration) file.Ticks {
				return recordTicks{newTicks(ctx, every, phaseFile), func() { g.look(ctx) }}
			},
		})
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
