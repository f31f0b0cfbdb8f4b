package api

// Advice is what the connections of a route tell about its idle_timeout.
type Advice struct {
	Route              string      `json:"route"`
	Policy             string      `json:"policy"`
	Kind               string      `json:"kind"`               // of a short policy there is no advice, and Reasons says why
	ObservedSeconds    float64     `json:"observed_seconds"`   // for how long
	Connections        uint64      `json:"connections"`        // that were looked at: ended and open ones
	InForceSeconds     *float64    `json:"in_force_seconds"`   // idle_timeout; null: off
	DryRunSeconds      *float64    `json:"dry_run_seconds"`    // null: none
	DryRunCounted      uint64      `json:"dry_run_counted"`    // connections that the dry run would have ended
	DryRunFalseCuts    uint64      `json:"dry_run_false_cuts"` // of these, how many spoke again
	Candidates         []Candidate `json:"candidates"`
	Enough             bool        `json:"enough"`              // there is enough to go by
	RecommendedSeconds *float64    `json:"recommended_seconds"` // null: nothing to recommend
	Reasons            []string    `json:"reasons"`             // sentences
	YAML               string      `json:"yaml"`                // to paste; "" if nothing is to be changed
	TrialYAML          string      `json:"trial_yaml"`          // a dry run of it to begin with; "" where none would show anything
}

// Candidate is one value that idle_timeout could have.
type Candidate struct {
	TimeoutSeconds float64 `json:"timeout_seconds"`
	CutSpoke       uint64  `json:"cut_spoke"`       // connections it would have cut that later spoke
	CutDead        uint64  `json:"cut_dead"`        // connections it would have cut that never spoke again
	ReclaimedHours float64 `json:"reclaimed_hours"` // of connections that stayed open, silent, past this value
	Unknown        bool    `json:"unknown"`         // no longer silence could be seen: the figures are lower bounds
}

// Advices are those of all routes asked for.
type Advices struct {
	Advices []Advice `json:"advices"`
}
