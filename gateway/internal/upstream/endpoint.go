package upstream

import (
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/reactor"
)

// ID tells the endpoints of one upstream apart. 0 is none.
type ID uint16

// Endpoint is one address of an upstream. It outlives the Sets that it is in: an edited policy makes new Sets of the same
// endpoints.
type Endpoint struct {
	// Set once, then read only.
	Name string // as the operator wrote it
	ID   ID

	address  atomic.Pointer[reactor.Address] // nil: its name has never been resolved
	open     atomic.Int64                    // connections to it, those being made included
	finished atomic.Int64                    // those of them whose FIN it has sent
	connects [Results]atomic.Uint64
	ends     [Ends]atomic.Uint64
	last     atomic.Int64 // the last attempt: when it ended, and in the lowest bits its result; 0: none yet
	drain.State
	removed  atomic.Bool
	dialling dialling
	health   health
	check    check
	ramp     ramp
	hand     hand
}

// Address returns where to connect to; nil: that is not known.
func (e *Endpoint) Address() *reactor.Address { return e.address.Load() }

// Move says where to connect to from now on. Nothing is known of an address that is new.
func (e *Endpoint) Move(to reactor.Address) (moved bool) {
	if before := e.address.Load(); before != nil && before.String() == to.String() {
		return false
	}
	e.address.Store(&to)
	e.Reinstate()
	e.check.forget()
	return true
}

// Open returns how many connections there are.
func (e *Endpoint) Open() int64 { return e.open.Load() }

// load returns how many connections it has to serve: one whose FIN it has sent costs it nothing more.
func (e *Endpoint) load() int64 { return max(0, e.open.Load()-e.finished.Load()) }

// Attempts returns how many attempts ended with r.
func (e *Endpoint) Attempts(r Result) uint64 { return e.connects[r].Load() }

// Caused returns how many connections have ended by the endpoint in that way.
func (e *Endpoint) Caused(end End) uint64 { return e.ends[end].Load() }

// Last returns how the last attempt ended and when; ok is false if there was none.
func (e *Endpoint) Last() (r Result, at int64, ok bool) {
	last := e.last.Load()
	return Result(last & (1<<resultBits - 1)), last >> resultBits, last != 0
}

// attempted counts an attempt that has ended at now.
func (e *Endpoint) attempted(r Result, now int64) {
	e.connects[r].Add(1)
	e.last.Store(now<<resultBits | int64(r))
}

// SetRemoved notes that it is no longer in the policy file.
func (e *Endpoint) SetRemoved() { e.removed.Store(true) }

// SetBack notes that it is in the policy file again, and undrains it.
func (e *Endpoint) SetBack() {
	e.removed.Store(false)
	e.Undrain()
}

// Removed reports whether it is no longer in the policy file.
func (e *Endpoint) Removed() bool { return e.removed.Load() }

// Healthy reports whether new connections may go there.
func (e *Endpoint) Healthy() bool { return e.mayBeUsed() && !e.isEjected() }

// mayBeUsed reports whether new connections may go there where none is better.
func (e *Endpoint) mayBeUsed() bool {
	if e.Address() == nil || e.Draining() {
		return false
	}
	switch e.hand.state() {
	case HandUp:
		return true
	case HandDown:
		return false
	}
	return !e.check.down.Load()
}

// isEjected reports whether it is ejected, unless it was set up by hand.
func (e *Endpoint) isEjected() bool { return e.health.ejected.Load() && e.hand.state() != HandUp }

// reserve takes a place for a connection where there are fewer than most, 0 for no limit.
func (e *Endpoint) reserve(most int64) bool {
	if e.open.Add(1) <= most || most == 0 {
		return true
	}
	e.open.Add(-1)
	return false
}

// full reports whether there are most connections, 0 for no limit.
func (e *Endpoint) full(most int64) bool { return most > 0 && e.open.Load() >= most }

// dialling tells whether an endpoint answers attempts to connect.
type dialling struct {
	open  atomic.Int64 // attempts under way
	since atomic.Int64 // the last answer, or if none has come the beginning of the first that is under way
}

// noAnswer is how long attempts may be without any answer before others go elsewhere. A SYN that was lost is sent again
// after a second; a black hole must not collect all clients who come until connect_timeout.
const noAnswer = 500 * time.Millisecond

func (d *dialling) began(now int64) {
	if d.open.Add(1) == 1 {
		d.since.Store(now)
	}
}

func (d *dialling) ended(now int64) {
	d.since.Store(now)
	d.open.Add(-1)
}

// unanswered reports whether another attempt would probably wait as those that are under way do.
func (d *dialling) unanswered(now int64) bool {
	return d.open.Load() > 0 && now-d.since.Load() > int64(noAnswer)
}
