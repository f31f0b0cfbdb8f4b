package ledger

import (
	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
	"idlegate/metrics"
)

// Action is what a timer that was due has done.
type Action uint8

const (
	Closed      Action = iota // it ended the connection
	Observed                  // a dry run counted it, and the connection goes on
	ActionCount               // how many actions there are; none itself
)

// ProbeResult is what came of a probe.
type ProbeResult uint8

const (
	Answered     ProbeResult = iota // its answer came
	Unanswered                      // the client said nothing, and was ended
	ProbeResults                    // how many there are
)

// String returns the word used in metrics.
func (r ProbeResult) String() string { return [...]string{"answered", "unanswered"}[r] }

// Counts are what one loop has counted of one route.
type Counts struct {
	Opened     uint64
	Closed     [session.ReasonCount]uint64
	Refused    [session.CauseCount]uint64
	Timeouts   [deadline.Count][ActionCount]uint64
	Messages   [2]uint64 // by sender, heartbeats included
	Heartbeats [2]uint64 // by sender
	FalseCuts  uint64    // clients that spoke after a dry run had counted their end
	Opaque     uint64    // connections that have become opaque
	Bytes      [2]uint64 // by sender
	Probes     [ProbeResults]uint64
	DryRunIdle uint64 // silences counted by the dry run of idle_timeout that is under way
}

// Counters are Counts with the distributions, which take ten times as much to copy.
type Counters struct {
	Counts
	ProbeTime metrics.Histogram // of probes that were answered
	Lateness  metrics.Histogram
	Duration  metrics.Histogram
	Gap       metrics.Histogram
	Advice    advice.Tallies
}

// Add counts in c what o has counted.
func (c *Counts) Add(o *Counts) {
	c.Opened += o.Opened
	for i, n := range o.Closed {
		c.Closed[i] += n
	}
	for i, n := range o.Refused {
		c.Refused[i] += n
	}
	for t := range o.Timeouts {
		for action, n := range o.Timeouts[t] {
			c.Timeouts[t][action] += n
		}
	}
	for side := range o.Messages {
		c.Messages[side] += o.Messages[side]
		c.Heartbeats[side] += o.Heartbeats[side]
		c.Bytes[side] += o.Bytes[side]
	}
	for i, n := range o.Probes {
		c.Probes[i] += n
	}
	c.Opaque += o.Opaque
	c.FalseCuts += o.FalseCuts
	c.DryRunIdle += o.DryRunIdle
}

// Add counts in c what o has counted.
func (c *Counters) Add(o *Counters) {
	c.Counts.Add(&o.Counts)
	c.ProbeTime.Add(&o.ProbeTime)
	c.Lateness.Add(&o.Lateness)
	c.Duration.Add(&o.Duration)
	c.Gap.Add(&o.Gap)
	c.Advice.Add(&o.Advice)
}

// BeginDryRun forgets what an earlier dry run of idle_timeout has counted.
func (c *Counters) BeginDryRun() {
	c.DryRunIdle = 0
	c.Advice[advice.IdleTimeout].BeginDryRun()
}
