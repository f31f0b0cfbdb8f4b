package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

// Eject says when endpoints are ejected.
type Eject struct {
	Failures int           // in a row; 0: never
	For      time.Duration // the first time; each time that follows is twice as long, up to mostTimes of it
}

// mostTimes bounds the back-off.
const mostTimes = 10

// health is what is known of an endpoint by the connections made to it.
type health struct {
	failures atomic.Int32 // in a row
	ejected  atomic.Bool  // from the last of too many failures to the next success
	until    atomic.Int64 // where ejected: when it may be probed
	probed   atomic.Bool  // a probe is under way

	// Guarded by mu, which is taken when something fails, and when an ejection ends.
	mu      sync.Mutex
	times   int    // ejections, without a long time of success between them
	since   int64  // when it was ejected, or the ejection ended
	failure string // the last
}

// Health is a copy of what is known of an endpoint.
type Health struct {
	Failures int    // in a row
	Failure  string // the words of the last; "" where there is none in this row
	Ejected  bool
	Since    int64 // where Ejected: when that began
	Until    int64 // where Ejected: when it may be probed
}

// Health returns what is known of e.
func (e *Endpoint) Health() Health {
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	known := Health{Failures: int(h.failures.Load()), Ejected: h.ejected.Load(), Since: h.since, Until: h.until.Load()}
	if known.Failures > 0 {
		known.Failure = h.failure
	}
	return known
}

// Reinstate forgets all that is known of e. It reports whether e was ejected.
func (e *Endpoint) Reinstate() bool {
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures.Store(0)
	h.times = 0
	return h.ejected.Swap(false)
}

// Change is what an event has made of an endpoint. Its zero value is: nothing that anybody needs to be told.
type Change struct {
	Kind     ChangeKind
	Failures int           // where Ejected or Down: in a row
	For      time.Duration // where Ejected
	Failure  string        // where Ejected or Down: the words of the last
	After    time.Duration // where Returned or Up: since it was ejected, or down
}

// ChangeKind is what has changed.
type ChangeKind uint8

const (
	Unchanged ChangeKind = iota
	Ejected              // it gets no more connections; another ejection because a probe failed is none
	Returned             // it is no longer ejected
	Down                 // its health checks fail: it gets no more connections
	Up                   // its health checks pass
)

// failed counts a failure and ejects the endpoint where that is one too many.
func (h *health) failed(rule Eject, wasProbe bool, words string, now int64) Change {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure = words
	n := int(h.failures.Add(1))
	switch {
	case rule.Failures == 0:
	case wasProbe && h.ejected.Load():
		h.eject(rule, now)
	case !h.ejected.Load() && n >= rule.Failures:
		if now-h.since > int64(mostTimes*rule.For) {
			h.times = 0
		}
		h.since = now
		h.ejected.Store(true)
		return Change{Kind: Ejected, Failures: n, For: h.eject(rule, now), Failure: words}
	}
	return Change{}
}

// eject begins an ejection and returns how long it lasts.
func (h *health) eject(rule Eject, now int64) time.Duration {
	last := min(rule.For<<min(h.times, 4), mostTimes*rule.For)
	h.times++
	h.until.Store(now + int64(last))
	return last
}

// succeeded ends a row of failures, and an ejection.
func (h *health) succeeded(now int64) Change {
	if h.failures.Load() == 0 && !h.ejected.Load() {
		return Change{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures.Store(0)
	if !h.ejected.CompareAndSwap(true, false) {
		return Change{}
	}
	ejected := h.since
	h.since = now
	return Change{Kind: Returned, After: time.Duration(now - ejected)}
}

// mayProbe reports whether an ejected endpoint may be probed.
func (h *health) mayProbe(now int64) bool { return !h.probed.Load() && now >= h.until.Load() }
