package ledger

import (
	"time"

	"idlegate/gateway/internal/session"
)

// Totals is the little of what a loop has counted of a route that is looked at every second.
type Totals struct {
	Opened          uint64
	ConnectFailures uint64 // connections for which no endpoint could be reached
	Refused         [session.CauseCount]uint64
	Messages        [2]uint64     // by sender
	Bytes           [2]uint64     // by sender
	Latest          time.Duration // the greatest lateness of a timer since it was last looked at
}

// Totals copies them, and begins to look for the greatest lateness again.
func (l *LoopStats) Totals() Totals {
	t := Totals{Opened: l.Opened, Refused: l.Refused, Messages: l.Messages, Bytes: l.Bytes, Latest: l.latest}
	for _, reason := range [...]session.Reason{session.ConnectRefused, session.ConnectTimeout, session.ConnectFailed, session.NoEndpoint} {
		t.ConnectFailures += l.Closed[reason]
	}
	l.latest = 0
	return t
}

// Add counts in t what another loop has counted.
func (t *Totals) Add(o *Totals) {
	t.Opened += o.Opened
	t.ConnectFailures += o.ConnectFailures
	for cause, n := range o.Refused {
		t.Refused[cause] += n
	}
	for side := range o.Messages {
		t.Messages[side] += o.Messages[side]
		t.Bytes[side] += o.Bytes[side]
	}
	t.Latest = max(t.Latest, o.Latest)
}

// Since returns what was counted after before.
func (t *Totals) Since(before *Totals) Totals {
	since := *t
	since.Opened -= before.Opened
	since.ConnectFailures -= before.ConnectFailures
	for cause, n := range before.Refused {
		since.Refused[cause] -= n
	}
	for side := range before.Messages {
		since.Messages[side] -= before.Messages[side]
		since.Bytes[side] -= before.Bytes[side]
	}
	return since
}

// RefusedAll is how many were refused, whatever the cause.
func (t *Totals) RefusedAll() (all uint64) {
	for _, n := range t.Refused {
		all += n
	}
	return all
}
