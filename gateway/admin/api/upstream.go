package api

import "time"

// Upstream is a named set of endpoints.
type Upstream struct {
	Name      string     `json:"name"`
	Balance   string     `json:"balance"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is one address of an upstream.
type Endpoint struct {
	Address     string            `json:"address"` // as the policy file has it
	State       EndpointState     `json:"state"`
	Connections int64             `json:"connections"`
	Connects    map[string]uint64 `json:"connects"`     // attempts by result: ok refused timeout failed
	LastConnect *Attempt          `json:"last_connect"` // null: none yet
}

// EndpointState is whether an endpoint gets connections.
type EndpointState string

const (
	EndpointActive   EndpointState = "active"
	EndpointDraining EndpointState = "draining" // by the operator: it gets none, and those it has end within drain_timeout
	EndpointRemoved  EndpointState = "removed"  // no longer in the policy file; listed until its last connection has ended
)

// Attempt is an attempt to connect that has ended.
type Attempt struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"` // ok refused timeout failed
}

// Upstreams are all upstreams in the order of the file.
type Upstreams struct {
	Upstreams []Upstream `json:"upstreams"`
}
