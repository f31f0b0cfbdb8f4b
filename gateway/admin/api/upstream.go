package api

import "time"

// Upstream is a named set of endpoints.
type Upstream struct {
	Name      string     `json:"name"`
	Balance   string     `json:"balance"`
	Endpoints []Endpoint `json:"endpoints"`
	Lookups   []Lookup   `json:"lookups"` // of names that it has its endpoints from; none where there are only addresses
}

// Lookup is what is known of a name. What was last known of it stays while it does not resolve.
type Lookup struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind"`          // address: of one endpoint; every_address, srv: of as many endpoints as there are
	Found       int        `json:"found"`         // addresses that are known
	LeftOut     int        `json:"left_out"`      // of the last answer, which had more than there can be
	Error       string     `json:"error"`         // of the last look-up; "": it has succeeded
	At          *time.Time `json:"at"`            // of the last look-up that succeeded; null: none has
	LastErrorAt *time.Time `json:"last_error_at"` // of the last that failed, also in part; null: none has
	Count       uint64     `json:"count"`         // of look-ups that have ended
	Failures    uint64     `json:"failures"`      // of these
}

// Endpoint is one address of an upstream. Whether it gets connections is told by facts that are independent of each other:
// one can be drained and ejected at once.
type Endpoint struct {
	Address      string            `json:"address"`       // as the policy file has it
	Resolved     string            `json:"resolved"`      // where it is connected to; "": its name has never been resolved
	Healthy      bool              `json:"healthy"`       // new connections may go there
	Draining     bool              `json:"draining"`      // it gets none, and those it has end within drain_timeout
	Removed      bool              `json:"removed"`       // no longer in the policy file; listed until its last connection has ended
	Backup       bool              `json:"backup"`        // it is used where no other can be
	Weight       int               `json:"weight"`        // its share beside others; 0 where it is removed
	ByHand       *ByHand           `json:"by_hand"`       // what an operator has set; null: nothing
	Check        *Check            `json:"check"`         // by health checks; null: it is not checked
	SlowUntil    *time.Time        `json:"slow_until"`    // it is back and has less than its share until then; null: it has all
	Failures     int               `json:"failures"`      // in a row
	LastError    string            `json:"last_error"`    // of the last of these; "": there is none
	EjectedUntil *time.Time        `json:"ejected_until"` // when a connection may probe it; null: it is not ejected
	Connections  int64             `json:"connections"`
	Connects     map[string]uint64 `json:"connects"`     // attempts by result: ok refused timeout failed local
	LastConnect  *Attempt          `json:"last_connect"` // null: none yet
}

// State returns the word for a person: removed, draining, unresolved, up by hand, down by hand, down, ejected, failing, backup or active.
func (e *Endpoint) State() string {
	switch {
	case e.Removed:
		return "removed"
	case e.Draining:
		return "draining"
	case e.Resolved == "":
		return "unresolved"
	case e.ByHand != nil && (e.ByHand.State == ByHandUp || e.ByHand.State == ByHandDown):
		return e.ByHand.State + " by hand"
	case e.Check != nil && e.Check.State == "down":
		return "down"
	case e.EjectedUntil != nil:
		return "ejected"
	case e.Failures > 0:
		return "failing"
	case e.Backup:
		return "backup"
	}
	return "active"
}

// ByHand is what an operator has set of an endpoint while the gateway runs. It holds until a restart, or an edit that changes what the
// file says of this endpoint.
type ByHand struct {
	Weight      *int       `json:"weight"`       // null: as the file has it
	WeightSince *time.Time `json:"weight_since"` // null as well
	State       string     `json:"state"`        // auto, up, down or drain
	StateSince  *time.Time `json:"state_since"`  // null: auto
}

// The states that can be set by hand.
const (
	ByHandAuto  = "auto"  // health checks and ejection decide
	ByHandUp    = "up"    // it is used whatever they say
	ByHandDown  = "down"  // it gets no new connections, and those that it has stay
	ByHandDrain = "drain" // it gets no new connections, and those that it has end within drain_timeout
)

// ByHandStates are all of them.
func ByHandStates() []string { return []string{ByHandAuto, ByHandUp, ByHandDown, ByHandDrain} }

// Setting is what to set of an endpoint. Its zero value changes nothing.
type Setting struct {
	Weight     int    // 1 to 100; 0: leave it
	FileWeight bool   // as the file has it again
	State      string // "": leave it
}

// Check is what health checks say of an endpoint.
type Check struct {
	State       string     `json:"state"`         // unchecked: the first has not ended; up; down: it gets no new connections
	Since       *time.Time `json:"since"`         // it is in that state; null: unchecked
	At          *time.Time `json:"at"`            // the last ended; null: none has
	LastError   string     `json:"last_error"`    // of the last that failed, be it long ago; "": none has
	LastErrorAt *time.Time `json:"last_error_at"` // null: none has failed
}

// Attempt is an attempt to connect that has ended.
type Attempt struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"` // ok refused timeout failed local
}

// Upstreams are all upstreams in the order of the file.
type Upstreams struct {
	Upstreams []Upstream `json:"upstreams"`
}
