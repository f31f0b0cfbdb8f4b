// Package advice says which timers a policy should have, from what the connections of its routes did.
//
// It rests on two figures of each connection. For idle_timeout these are quiet, the longest silence after which its client did speak
// again, and tail, the silence in which it ended or, while it is open, stands now. A candidate d would have cut
//
//	quiet > d              a connection that later spoke: the harm
//	quiet <= d, tail > d   a dead one, and with it tail - d of holding it for nothing: the gain
//
// For the other timers they are what each measures:
//
//	                       quiet                                             tail
//	first_message_timeout  how long the client took to its first message     how long it has said nothing, from accept to the end
//	message_timeout        how long a message took that was finished         for how long one has been under way at the end
//	max_lifetime           age of the connection at its client's last word   its age at the end
//
// message_timeout goes by messages instead of connections.
//
// Event loops keep these in a Tally each, by rungs of a fixed ladder of candidates, which makes every figure exact there
// and asking cheap. For weighs a sum of them:
//
//	tally.Ended(41*time.Second, 2*time.Hour, false) // spoke again after 41s, and then was silent for 2h until it ended
//	advised := advice.For(advice.Input{Route: "devices", Ended: tally, Counted: day})
//	advised.Recommended                             // the shortest candidate without harm, and a step of margin
//
// Silence is what idle_timeout counts as such. What a timer that was in force has cut cannot be known, and is never passed off as
// known.
package advice

import "time"

// Input is all that advice about a route rests on.
type Input struct {
	Route  string
	Policy string // its name, "" for one written inside the route
	Kind   string // of the policy, as the file has it: "long" or "short"; "" is long
	Timer  Timer  // that is advised on

	InForce   time.Duration // value of Timer; 0: off
	DryRun    time.Duration // the value that a dry run watches; 0: none
	DryRunAll bool          // it is the policy's own, by dry_run: true, and no timer is in force
	Observed  uint64        // silences that the dry run of idle_timeout has counted

	Ended   Tally
	Open    Tally         // of those open now
	Counted time.Duration // for how long Ended and Observed were counted
	Gaps    Gaps

	// Tolerance is the share of the connections that later spoke that may be cut all the same, from 0 to 1.
	Tolerance float64
}

// Gaps are quantiles of the time between one message of a client and its next, and a bound that none exceeds. 0: not known.
type Gaps struct{ P50, P99, P999, Max time.Duration }

// Advice is what For makes of an Input.
type Advice struct {
	Rows []Row // one for each candidate of the Timer's ladder

	Connections  uint64        // ended and open
	Open         uint64        // of them open
	Spoke        uint64        // of them such that spoke again after a silence
	Cut          uint64        // of them ended by the timer itself
	Resumed      uint64        // silences that the dry run had counted and that ended with a message
	LongestQuiet time.Duration // longest silence after which a client spoke again

	Enough      bool          // there was enough to go by
	Recommended time.Duration // 0: nothing is; the value in force where it is as good, or where there was not enough
	Reasons     []string      // whole sentences, the weightiest first
	Certainty   Certainty     // how sure the recommendation is
	Basis       string        // a sentence: from how much that follows

	DryRunYAML string // a dry run to begin with; "" where none is needed, or none could show anything
	YAML       string // the recommendation, to be pasted into the policy file; "" where there is none
}

// Row says what one candidate would have done.
type Row struct {
	Candidate time.Duration
	CutSpoke  uint64 // connections that it would have cut and that later spoke
	CutDead   uint64 // connections that it would have cut and that did not speak again
	DeadOpen  uint64 // of CutDead, those still open, which may yet speak
	DeadCut   uint64 // of CutDead, those that the timer itself ended, which might have spoken

	// ReclaimedHours is for how long connections went on in silence beyond the candidate, until they ended or until now.
	ReclaimedHours float64
	OpenHours      float64 // of ReclaimedHours, those of connections still open

	// Unknown: silences of this length could not be seen, since connections were ended by a timeout no longer than
	// that, or since it was not counted for so long. The figures are lower bounds.
	Unknown bool
}

// For weighs what is known of one route and advises. Where a route shares its policy with others, ForRoutes does.
func For(in Input) Advice { return newStudy(&in).advice() }

func (s *study) advice() Advice {
	a := Advice{
		Rows:         s.rows,
		Connections:  s.all.connections,
		Open:         s.Open.connections,
		Spoke:        s.all.spoke,
		Cut:          s.all.cut,
		Resumed:      s.all.resumed,
		LongestQuiet: s.all.longest,
	}
	if missing := s.missing(); len(missing) > 0 {
		a.Recommended = s.InForce
		a.Basis = s.traffic() + "."
		a.Reasons = append(missing, s.circumstances()...)
		return a
	}
	a.Enough = true
	a.Recommended = s.recommended()
	a.Reasons = append(s.grounds(), s.circumstances()...)
	a.YAML = s.yaml(a.Recommended)
	a.DryRunYAML = s.dryRunYAML(a.Recommended)
	a.Certainty, a.Basis = s.certainty(a.Recommended)
	return a
}
