package upstream

import "sync/atomic"

// HandState is what an operator has set by hand. A drain is apart from it.
type HandState uint32

const (
	HandAuto HandState = iota // nothing: checks and ejection decide
	HandUp                    // it is used whatever they say
	HandDown                  // it gets no new connections, and those that it has stay
)

// String is the word of API and command.
func (s HandState) String() string { return [...]string{"auto", "up", "down"}[s] }

// Hand is what an operator has set of an endpoint. It holds until the policy file says otherwise.
type Hand struct {
	Weight      int   // 0: as the policy file has it
	WeightSince int64 // when that was set
	State       HandState
	StateSince  int64
}

// hand is read by loops.
type hand struct {
	set   atomic.Pointer[Hand] // nil: nothing
	force atomic.Uint32        // its State
}

func (h *hand) state() HandState { return HandState(h.force.Load()) }

// Hand returns what was set by hand.
func (e *Endpoint) Hand() Hand {
	if set := e.hand.set.Load(); set != nil {
		return *set
	}
	return Hand{}
}

// SetHand sets it. Callers take turns. The weight counts from the next Set on.
func (e *Endpoint) SetHand(h Hand) {
	e.hand.set.Store(&h)
	e.hand.force.Store(uint32(h.State))
}
