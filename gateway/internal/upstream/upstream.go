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

	"idlegate/gateway/internal/reactor"
)

// Balance says how an endpoint is chosen.
type Balance uint8

const (
	LeastConnections Balance = iota
	RoundRobin
)

// Endpoint is one address of an upstream.
type Endpoint struct {
	// Set once, then read only.
	Name    string // as the operator wrote it
	Address reactor.Address
	index   uint16

	open atomic.Int64 // connections to it, those being made included
}

// Opened counts a connection that is being made.
func (e *Endpoint) Opened() { e.open.Add(1) }

// Closed counts one that is gone.
func (e *Endpoint) Closed() { e.open.Add(-1) }

// Open returns how many connections there are.
func (e *Endpoint) Open() int64 { return e.open.Load() }

// Index returns the endpoint's place in its set.
func (e *Endpoint) Index() int { return int(e.index) }

// Set is an upstream: a named set of endpoints.
type Set struct {
	// Set once, then read only.
	Name      string
	Endpoints []*Endpoint
	balance   Balance

	turn atomic.Uint32 // where the next pick starts
}

// New returns a set of the endpoints, which no other set may have.
func New(name string, balance Balance, endpoints []*Endpoint) *Set {
	for i, e := range endpoints {
		e.index = uint16(i)
	}
	return &Set{Name: name, Endpoints: endpoints, balance: balance}
}

// Tried remembers the endpoints that one connection has tried, the last few of them if they are many.
type Tried struct {
	index [6]uint16
	Count uint16
}

func (t *Tried) has(e *Endpoint) bool {
	for _, index := range t.index[:min(int(t.Count), len(t.index))] {
		if index == e.index {
			return true
		}
	}
	return false
}

func (t *Tried) add(e *Endpoint) {
	t.index[int(t.Count)%len(t.index)] = e.index
	t.Count++
}

// Pick returns an endpoint that was not tried and notes it in tried. Nil: there is none.
func (s *Set) Pick(tried *Tried) *Endpoint {
	start := int(s.turn.Add(1) - 1)
	var best *Endpoint
	for i := range s.Endpoints {
		e := s.Endpoints[(start+i)%len(s.Endpoints)]
		if tried.has(e) {
			continue
		}
		if best == nil || s.balance == LeastConnections && e.Open() < best.Open() {
			best = e
		}
		if s.balance == RoundRobin {
			break
		}
	}
	if best != nil {
		tried.add(best)
	}
	return best
}
