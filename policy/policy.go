// Package policy turns the operator's YAML file into an immutable Config.
//
// Parse is strict and complete: it reports every problem of a file at once, each with its position and the path of the
// key, and where it reports none every default has been filled in, so that the rest of the program never asks whether a
// value was given. Config.YAML writes the effective file, which parses to the same Config again.
//
//	cfg, err := policy.Parse("idlegate.yaml", data)
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // one line a problem: file:line:column: key.path: what is wrong
//	}
//
// The package knows no sockets and reads no files. A Config is never changed after Parse returned it, so any number of
// goroutines may read it.
package policy

import (
	"net/netip"
	"time"
)

// Config is one whole policy file with every default filled in.
type Config struct {
	Admin     Admin
	Log       Log
	Gateway   Gateway
	Policies  []*Policy   // the named ones, in the order of the file
	Upstreams []*Upstream // in the order of the file
	Routes    []*Route    // in the order of the file
}

// Admin says where the gateway answers its operator.
type Admin struct {
	Listen  Address // loopback or unix; default 127.0.0.1:9180
	Metrics Address // only /metrics, /healthz and /readyz; zero: not served apart
}

// Log says what is logged and where to.
type Log struct {
	Level       LogLevel
	Format      LogFormat
	Connections LogConnections
	File        string // "" is standard error
}

// Gateway holds the settings of the process as a whole.
type Gateway struct {
	Loops          int // 0: one per CPU
	MaxConnections int // 0: as many as the descriptor limit lets
	OnFull         OnFull
	BufferMemory   int64 // bytes held for slow peers, at most
	DrainTimeout   time.Duration
}

// Upstream is a named set of endpoints.
type Upstream struct {
	Name           string
	Endpoints      []Endpoint
	Balance        Balance
	ConnectTimeout time.Duration // of each attempt; 0: none
	Retries        int           // further attempts, each at another endpoint
}

// Endpoint is one address of an upstream.
type Endpoint struct {
	Address Address
}

// Route joins listeners, a protocol, a policy and an upstream.
type Route struct {
	Name             string
	Listen           []Address
	Allow            []netip.Prefix // empty: all
	Deny             []netip.Prefix // wins over Allow
	Limits           Limits
	TCP              TCP
	Protocol         Protocol
	UpstreamProtocol Protocol // equal to Protocol unless written
	Upstream         *Upstream
	ConnectOn        ConnectOn
	Policy           *Policy
}

// Limits bound what one route may take.
type Limits struct {
	Connections int   // 0: no limit
	MessageSize int64 // bytes of the whole unit, either side; 0: no limit
}

// TCP holds the socket options of both legs.
type TCP struct {
	Keepalive   Keepalive
	UserTimeout time.Duration // 0: the kernel's own
}

// Keepalive is the kernel's keepalive. Idle 0 switches it off.
type Keepalive struct {
	Idle     time.Duration
	Interval time.Duration
	Count    int
}

// Policy holds the timers and reactions of a route. Durations that are 0 are off.
type Policy struct {
	Name string // "" for a policy written inside its route
	Kind Kind

	// Of short policies.
	Deadline      time.Duration
	ReadDeadline  time.Duration
	WriteDeadline time.Duration

	// Of long policies.
	IdleTimeout time.Duration
	ResetOn     ResetOn
	MaxLifetime time.Duration

	// Of both.
	FirstMessageTimeout time.Duration
	MessageTimeout      time.Duration
	WriteTimeout        time.Duration
	HalfCloseTimeout    time.Duration
	Jitter              float64 // share of a time that is taken off at random, 0 to 1
	Close               Close
	DryRun              DryRun
}

// DryRun says which timers are only watched. Its durations are 0 where a timer is not in it.
type DryRun struct {
	All    bool                    // enforce none but write_timeout, watch all
	Timers map[Timer]time.Duration // watched beside those in force
}
