package api

import "time"

// Event is one thing that has happened. The member of its kind is there, and no other.
type Event struct {
	Kind   EventKind    `json:"kind"`
	At     time.Time    `json:"at"` // by the gateway's clock
	Ended  *Ended       `json:"ended,omitempty"`
	Reload *Reload      `json:"reload,omitempty"`
	Health *HealthEvent `json:"health,omitempty"`
	Deed   *Deed        `json:"deed,omitempty"`
	Alarm  *Alarm       `json:"alarm,omitempty"` // of alarm and alarm_over
}

// EventKind is what has happened.
type EventKind string

const (
	EventEnded     EventKind = "ended"      // a connection
	EventReload    EventKind = "reload"     // the policy file was read, and took over or was refused
	EventHealth    EventKind = "health"     // an endpoint or an upstream has become another
	EventDeed      EventKind = "deed"       // an operator has changed something, or tried to
	EventAlarm     EventKind = "alarm"      // something is wrong that was not
	EventAlarmOver EventKind = "alarm_over" // it is no longer
)

// EventKinds are all there are.
func EventKinds() []EventKind {
	return []EventKind{EventEnded, EventReload, EventHealth, EventDeed, EventAlarm, EventAlarmOver}
}

// MaxLast is how many events a gateway remembers. Ends are not among them: those have a listing of their own.
const MaxLast = 128

// EventDropped is the event, of server-sent events, that ends a stream whose reader is too slow. Its data is an Error.
const EventDropped = "dropped"

// HealthEvent is a change of an endpoint or of an upstream.
type HealthEvent struct {
	Change   string `json:"change"` // ejected, back, down or up of an endpoint; out or back of an upstream, which has no healthy endpoint left or one again
	Upstream string `json:"upstream"`
	Endpoint string `json:"endpoint,omitempty"` // not there where it is about the upstream
	Failures int    `json:"failures,omitempty"` // in a row
	Error    string `json:"error,omitempty"`    // of the last of them
}

// Deed is a call that changes something, or would have.
type Deed struct {
	From        string `json:"from"`                  // address of the caller, or unix
	Certificate string `json:"certificate,omitempty"` // subject of the one that the caller has shown
	Token       string `json:"token,omitempty"`       // which one the caller has shown: operator or viewer
	Call        string `json:"call"`                  // method and address
	Status      int    `json:"status"`                // of the answer
	Result      string `json:"result"`                // what came of it, in words
}
