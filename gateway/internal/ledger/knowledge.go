package ledger

import (
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/metrics"
)

// Knowledge is what advice on a route rests on: plain data, that can be written down and added up.
type Knowledge struct {
	Counted    time.Duration // for how long it was counted
	DryRun     time.Duration // the idle_timeout that DryRunIdle is of, and what Advice has of a dry run
	DryRunIdle uint64
	Advice     advice.Tallies
	Gap        metrics.Histogram // between one message of a client and its next
}

// Knowledge is what c tells that was counted for so long, while a dry run watched that idle_timeout.
func (c *Counters) Knowledge(counted, dryRun time.Duration) Knowledge {
	k := Knowledge{Counted: counted, DryRun: dryRun, DryRunIdle: c.DryRunIdle, Advice: c.Advice, Gap: c.Gap}
	k.Advice[advice.MessageTimeout].Prompt(c.Messages[fromClient])
	return k
}

// fromClient is the index of what clients send, by sender.
const fromClient = 0

// Add adds what earlier was known before. What is of a dry run with another value is left out.
func (k *Knowledge) Add(earlier *Knowledge) {
	before := earlier.Advice
	if earlier.DryRun != k.DryRun {
		before[advice.IdleTimeout].BeginDryRun()
	} else {
		k.DryRunIdle += earlier.DryRunIdle
	}
	k.Counted += earlier.Counted
	k.Advice.Add(&before)
	k.Gap.Add(&earlier.Gap)
}
