// Package upstream chooses among the endpoints of an upstream and keeps count of what became of the choice.
//
//	tried := upstream.Tried{}
//	for endpoint := set.Pick(&tried); endpoint != nil; endpoint = set.Pick(&tried) {
//		// connect; at a failure go round again
//	}
//
// Event loops pick concurrently. A pick costs one pass over the endpoints and no lock, and is made once per connection.
package upstream

import (
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/reactor"
)

// Balance says how an endpoint is chosen.
type Balance uint8

const (
	LeastConnections Balance = iota
	RoundRobin
)

// Endpoint is one address of an upstream. It outlives the Sets that it is in: an edited policy makes new Sets of the same
// endpoints.
type Endpoint struct {
	// Set once, then read only.
	Name    string // as the operator wrote it
	Address reactor.Address

	open     atomic.Int64 // connections to it, those being made included
	connects [Results]atomic.Uint64
	last     atomic.Int64 // the last attempt: when it ended, and in the lowest bits its result; 0: none yet
	leaving  atomic.Pointer[Leave]
}

// Leave says that an endpoint gets no more connections, and that those it has shall end.
type Leave struct {
	Since  int64         // on the monotonic clock, in nanoseconds
	Within time.Duration // 0: whenever they end by themselves
	Gone   bool          // it is no longer in the policy file
}

// Result is what became of an attempt to connect.
type Result uint8

const (
	OK Result = iota
	Refused
	TimedOut
	Failed
	Results // how many there are
)

// String returns the word used in metrics.
func (r Result) String() string { return [...]string{"ok", "refused", "timeout", "failed"}[r] }

const resultBits = 2 // of Endpoint.last

// Opened counts a connection that is being made.
func (e *Endpoint) Opened() { e.open.Add(1) }

// Closed counts one that is gone.
func (e *Endpoint) Closed() { e.open.Add(-1) }

// Open returns how many connections there are.
func (e *Endpoint) Open() int64 { return e.open.Load() }

// Attempted counts an attempt that has ended at now, in nanoseconds of the monotonic clock.
func (e *Endpoint) Attempted(r Result, now int64) {
	e.connects[r].Add(1)
	e.last.Store(now<<resultBits | int64(r))
}

// Attempts returns how many attempts ended with r.
func (e *Endpoint) Attempts(r Result) uint64 { return e.connects[r].Load() }

// Last returns how the last attempt ended and when; ok is false if there was none.
func (e *Endpoint) Last() (r Result, at int64, ok bool) {
	last := e.last.Load()
	return Result(last & (1<<resultBits - 1)), last >> resultBits, last != 0
}

// SetLeaving has the endpoint leave, or stay where l is nil.
func (e *Endpoint) SetLeaving(l *Leave) { e.leaving.Store(l) }

// Leaving returns why and since when it leaves; nil: it does not.
func (e *Endpoint) Leaving() *Leave { return e.leaving.Load() }

// Set is the endpoints of an upstream under one policy file.
type Set struct {
	// Set once, then read only.
	Endpoints []*Endpoint
	balance   Balance

	turn atomic.Uint32 // where the next pick starts
}

// New returns a set of the endpoints.
func New(balance Balance, endpoints []*Endpoint) *Set {
	return &Set{Endpoints: endpoints, balance: balance}
}

// Tried remembers which endpoints of a Set one connection has tried, by their places, the last few of them if they are
// many. After a change of Sets in the middle it may keep from an endpoint that was not tried; it is only a preference.
type Tried struct {
	places [6]uint16
	Count  uint16
}

func (t *Tried) has(place int) bool {
	for _, tried := range t.places[:min(int(t.Count), len(t.places))] {
		if int(tried) == place {
			return true
		}
	}
	return false
}

func (t *Tried) add(place int) {
	t.places[int(t.Count)%len(t.places)] = uint16(place)
	t.Count++
}

// Pick returns an endpoint that was not tried and is not leaving, and notes it in tried. Nil: there is none.
func (s *Set) Pick(tried *Tried) *Endpoint {
	start := int(s.turn.Add(1) - 1)
	best, at := (*Endpoint)(nil), 0
	for i := range s.Endpoints {
		place := (start + i) % len(s.Endpoints)
		e := s.Endpoints[place]
		if tried.has(place) || e.Leaving() != nil {
			continue
		}
		if best == nil || s.balance == LeastConnections && e.Open() < best.Open() {
			best, at = e, place
		}
		if s.balance == RoundRobin {
			break
		}
	}
	if best != nil {
		tried.add(at)
	}
	return best
}
