package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

// CheckRule says how many health checks in a row change what is thought of an endpoint.
type CheckRule struct {
	Rise int // that pass, for one that is down
	Fall int // that fail, for one that is up
}

// CheckState is what health checks say of an endpoint.
//
//	Unchecked ── the first check ──▶ CheckUp ── fall failures in a row ──▶ CheckDown
//	    ▲                              ▲                                      │
//	    └── no longer checked, moved   └────────── rise passes in a row ──────┘
type CheckState uint8

const (
	Unchecked CheckState = iota // it is used: it has none, or the first has not ended
	CheckUp
	CheckDown // it gets no new connections
)

// String is the word of API and log.
func (s CheckState) String() string { return [...]string{"unchecked", "up", "down"}[s] }

// check is what is known of an endpoint by its health checks. One goroutine at a time checks an endpoint.
type check struct {
	down atomic.Bool // for loops

	mu    sync.Mutex
	known Checks // Guarded by mu.
}

// Checks is a copy of what is known by health checks.
type Checks struct {
	State    CheckState
	Since    int64  // when it took that state; 0: Unchecked
	At       int64  // when the last ended; 0: none has
	Row      int    // checks in a row that said otherwise than State
	Failure  string // the words of the last that failed, be it long ago; "": none has
	FailedAt int64  // when that was
}

// Checks returns what is known by health checks.
func (e *Endpoint) Checks() Checks {
	e.check.mu.Lock()
	defer e.check.mu.Unlock()
	return e.check.known
}

// InDoubt reports whether the next check should come soon: it is down, or the last check said otherwise than those before.
func (c Checks) InDoubt() bool { return c.State == CheckDown || c.Row > 0 }

// Checked notes the end of a health check; words say why it has failed, and are "" where it has passed. The first decides by itself.
func (e *Endpoint) Checked(rule CheckRule, words string, now int64) Change {
	c := &e.check
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &c.known
	before, since := k.State, k.Since
	k.At = now
	said, enough := CheckUp, rule.Rise
	if words != "" {
		said, enough = CheckDown, rule.Fall
		k.Failure, k.FailedAt = words, now
	}
	if said == before {
		k.Row = 0
		return Change{}
	}
	if k.Row++; k.Row < enough && before != Unchecked {
		return Change{}
	}
	failures := k.Row
	k.State, k.Since, k.Row = said, now, 0
	c.down.Store(said == CheckDown)
	switch {
	case said == CheckDown:
		return Change{Kind: Down, Failures: failures, Failure: words}
	case before == CheckDown:
		e.ramp.begin(now)
		return Change{Kind: Up, After: time.Duration(now - since)}
	}
	return Change{}
}

// NotChecked notes that the gateway itself could not check e, and why. That says nothing of e.
func (e *Endpoint) NotChecked(words string, now int64) {
	e.check.mu.Lock()
	defer e.check.mu.Unlock()
	e.check.known.Failure, e.check.known.FailedAt = words, now
}

// NoChecks forgets what health checks have said. It reports whether e was down by them.
func (e *Endpoint) NoChecks() (wasDown bool) { return e.check.forget() }

func (c *check) forget() (wasDown bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = Checks{}
	return c.down.Swap(false)
}
