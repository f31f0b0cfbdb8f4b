package metrics

import (
	"context"
	"time"
)

// Source gives a copy of all figures as they stand. It is asked once per scrape and must return when ctx ends.
type Source interface {
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is every figure at about one instant. Who receives it owns it; maps and slices are shared with no one.
//
// Series appear only for what is listed here, so a source lists every close reason, cause, result and timer that can
// occur, also those still at 0: a rate over a counter that springs into being misses its first increase.
type Snapshot struct {
	Routes         []Route           // each name once
	Unrouted       map[string]uint64 // clients refused before a route was chosen, by cause
	Upstreams      []Upstream        // each name once
	BufferBytes    int64             // held for peers that do not take them
	BufferLimit    int64             // of these, at most
	Draining       bool              // the gateway is about to end
	LoopsBusy      []time.Duration   // by loop: how long it has been at work
	AdminRequests  map[int]uint64    // by status code
	NativeOnly     bool              // histograms have no classic buckets
	ConnectionsMax int64             // open at once, at most
	AcceptPaused   bool              // new clients wait in the backlog
	AcceptPauses   time.Duration     // how long accepting was paused, in all
	LogDropped     uint64            // lines
	Config         ConfigState
	Certificates   []Certificate // each name once
}

// Certificate is one that the gateway shows.
type Certificate struct {
	Name    string    // of its file, as the policy has it
	Expires time.Time // it, or one of those between it and its authority
}

// ConfigState tells which policy file is in force.
type ConfigState struct {
	Generation           uint64    // counts the policies that took over, from 1
	PendingRestart       int       // changes that wait for a restart
	Hash                 uint64    // of the policy in force; below 2^53
	LastReloadSuccessful bool      // false: the file was edited and refused, an older one is in force
	LastReloadSuccess    time.Time // when a file was accepted last; zero: never
}

// From names the side that sent.
type From uint8

const (
	FromClient From = iota
	FromUpstream
	sides
)

// String is the value of the label from.
func (f From) String() string {
	if f == FromClient {
		return "client"
	}
	return "upstream"
}

// Route is what one route has counted.
type Route struct {
	Name        string
	Connections int64             // open now
	Limit       int               // of those at once; 0: none
	Opened      uint64            // became sessions
	Closed      map[string]uint64 // by close reason
	Refused     map[string]uint64 // by cause
	Timeouts    []TimeoutCount    // each pair of Timeout and Action once
	Messages    [sides]uint64     // complete ones, heartbeats included, by From
	Heartbeats  [sides]uint64     // of them
	Opaque      uint64            // connections whose protocol was not understood any more
	Bytes       [sides]uint64     // of payload, by From
	Probes      map[string]uint64 // by result: answered, unanswered
	Probe       Histogram         // round-trip time of probes that were answered
	Lateness    Histogram         // from when a timer was due until it was acted on
	Duration    Histogram         // of connections that have ended
	Gap         Histogram         // between one client message and the next
	FalseCuts   uint64            // clients that spoke after a dry run had counted their end
	Values      []TimeoutValue    // of the timers that are in force, each key once
	Silence     Histogram         // of the clients whose connections are open
}

// TimeoutValue is a timer in force.
type TimeoutValue struct {
	Timeout string // its YAML key
	Value   time.Duration
}

// TimeoutCount says how often one timer ran out.
type TimeoutCount struct {
	Timeout string // its YAML key
	Action  string // "closed", or "observed" in a dry run
	Count   uint64
}

// The values of TimeoutCount.Action.
const (
	ActionClosed   = "closed"
	ActionObserved = "observed"
)

// Upstream is what one upstream has counted.
type Upstream struct {
	Name      string
	Connect   Histogram  // time that successful connects took
	Retries   uint64     // attempts after others of the same connection had failed
	Endpoints []Endpoint // each address once
	Lookups   *Lookups   // of its names; nil: it has none
}

// Lookups are those of the names that an upstream has its endpoints from.
type Lookups struct {
	OK, Failed uint64 // that have ended
	Failing    bool   // the last of any of the names has failed
}

// Endpoint is what one endpoint of an upstream has counted.
type Endpoint struct {
	Address     string
	Connections int64             // open now
	Healthy     bool              // new connections may go there
	Connects    map[string]uint64 // attempts that ended, by result: ok, refused, timeout, failed, local
	Closed      map[string]uint64 // connections whose end it caused, by close reason
}
