package relay

import (
	"sync"
	"time"

	"idlegate/gateway/internal/deadline"
)

// settled is how long accepting must have gone on without a pause before the operator is told that the gateway is no longer
// full: one that is has its next client wait as soon as it has taken one in the place of another.
const settled = time.Second

// Texts of Trouble about being full.
const (
	fullText   = "every place is taken: accepting pauses, new clients wait in the backlog"
	evictText  = "every place is taken: the idlest connections make room for new clients"
	roomText   = "there is room again: accepting goes on"
	noFDsText  = "no file descriptors are left: accepting pauses until some are free"
	hasFDsText = "file descriptors are free again: accepting goes on"
)

// pauses is for how long accepting was paused, and whether the gateway is full.
type pauses struct {
	mu    sync.Mutex
	since deadline.Instant // Guarded by mu; when the pause under way began, 0: none is.
	total time.Duration    // Guarded by mu; of those that are over.
	full  bool             // Guarded by mu; the operator was told.
}

func (p *pauses) begin(now deadline.Instant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since == 0 {
		p.since = now
	}
}

func (p *pauses) end(now deadline.Instant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since != 0 {
		p.total += now.Since(p.since)
		p.since = 0
	}
}

// setFull notes whether the gateway is full, and reports whether that is new.
func (p *pauses) setFull(full bool) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = p.full != full
	p.full = full
	return changed
}

// Paused reports whether accepting is paused, or was until a moment ago, and for how long all pauses have lasted.
func (g *Admission) Paused(now deadline.Instant) (paused bool, total time.Duration) {
	p := &g.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	total = p.total
	if p.since != 0 {
		total += max(0, now.Since(p.since))
	}
	return p.since != 0 || p.full, total
}

// Short reports whether accepting was paused because descriptors had run out, and they are not known to be there again.
func (g *Admission) Short() bool { return g.short.Load() }

// becomeFull tells the operator that clients wait, once.
func (a *acceptor) becomeFull() {
	a.settledAt = 0
	if a.loop.cfg.Admission.pauses.setFull(true) {
		text := fullText
		if a.loop.cfg.Admission.OnFull() == EvictIdlest {
			text = evictText
		}
		a.loop.cfg.Reporter.Trouble(Trouble{Text: text})
	}
}

// settle tells the operator that accepting goes on, when it has for a while.
func (a *acceptor) settle() {
	if at := a.settledAt; at == 0 || at > a.loop.now {
		return
	}
	a.settledAt = 0
	if a.loop.cfg.Admission.pauses.setFull(false) {
		a.loop.cfg.Reporter.Trouble(Trouble{Text: roomText})
	}
}

// nextAccept is when the acceptor has something to do though nobody comes; 0: nothing.
func (a *acceptor) nextAccept() deadline.Instant {
	next := a.arrivals.next()
	for _, at := range [...]deadline.Instant{a.retryAt, a.settledAt} {
		if at != 0 {
			next = min(next, at)
		}
	}
	if next == deadline.Never {
		return 0
	}
	return next
}
