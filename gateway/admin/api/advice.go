package api

// AdvisedTimers are the timers that there is advice on, in the order in which it is given for each route.
func AdvisedTimers() []string {
	return []string{"idle_timeout", "first_message_timeout", "message_timeout", "max_lifetime"}
}

// AdviceQuery says which advice is asked for.
type AdviceQuery struct {
	Route     string  // "": each
	Timer     string  // one of AdvisedTimers; "": all
	Tolerance float64 // share of connections that may be cut though they would speak again
}

// Advice is what the connections of a route tell about one of its timers.
type Advice struct {
	Route              string      `json:"route"`
	Policy             string      `json:"policy"`
	Kind               string      `json:"kind"`               // of a short policy there is no advice on idle_timeout, and Reasons says why
	Timer              string      `json:"timer"`              // one of AdvisedTimers
	ObservedSeconds    float64     `json:"observed_seconds"`   // for how long, before a restart included where advise_file keeps it
	Connections        uint64      `json:"connections"`        // that were looked at: ended and open ones; messages, of message_timeout
	InForceSeconds     *float64    `json:"in_force_seconds"`   // value of the timer; null: off
	DryRunSeconds      *float64    `json:"dry_run_seconds"`    // null: none
	DryRunCounted      uint64      `json:"dry_run_counted"`    // connections that the dry run would have ended
	DryRunFalseCuts    uint64      `json:"dry_run_false_cuts"` // of these, how many spoke again
	Candidates         []Candidate `json:"candidates"`
	Enough             bool        `json:"enough"`              // there is enough to go by
	Certainty          string      `json:"certainty"`           // how sure it is: none, low, fair or high
	Basis              string      `json:"basis"`               // a sentence: from how much traffic it follows
	RecommendedSeconds *float64    `json:"recommended_seconds"` // null: nothing to recommend
	Reasons            []string    `json:"reasons"`             // sentences
	YAML               string      `json:"yaml"`                // to paste; "" if nothing is to be changed
	TrialYAML          string      `json:"trial_yaml"`          // a dry run of it to begin with; "" where none would show anything
}

// Candidate is one value that the timer could have.
type Candidate struct {
	TimeoutSeconds float64 `json:"timeout_seconds"`
	CutSpoke       uint64  `json:"cut_spoke"`       // connections, or messages, it would have cut that later spoke, or were finished
	CutDead        uint64  `json:"cut_dead"`        // those it would have cut that never did
	ReclaimedHours float64 `json:"reclaimed_hours"` // of connections that stayed open for nothing past this value
	Unknown        bool    `json:"unknown"`         // nothing longer could be seen: the figures are lower bounds
}

// Advices are those of all routes and timers asked for, route by route.
type Advices struct {
	Advices []Advice `json:"advices"`
}
