package api

// Plan is what an edit of the policy file would change, and which open connections it would end. Nothing has been changed.
type Plan struct {
	OK         bool           `json:"ok"`         // the file would be accepted
	Generation uint64         `json:"generation"` // in force
	Changes    []Change       `json:"changes"`    // that would take effect
	Pending    []Change       `json:"pending"`    // that would wait for a restart
	Warnings   []string       `json:"warnings"`
	Error      string         `json:"error,omitempty"`    // why the file would be refused
	Problems   []Problem      `json:"problems,omitempty"` // of the file
	Routes     []PlannedRoute `json:"routes"`             // those in force, in their order, and those that would be new
	// EditGraceSeconds is how long what it ends at once is spread over; DrainTimeoutSeconds is how long the connections of what it
	// removes may take, null: until they end by themselves.
	EditGraceSeconds    float64  `json:"edit_grace_seconds"`
	DrainTimeoutSeconds *float64 `json:"drain_timeout_seconds"`
}

// PlannedRoute is what an edit would do to the connections of a route that are open now, as things stand: who speaks in time is not
// ended.
type PlannedRoute struct {
	Route       string         `json:"route"`
	Becomes     string         `json:"becomes"`     // kept, removed or added
	Connections int            `json:"connections"` // open now
	AtOnce      map[string]int `json:"at_once"`     // how many end within edit_grace, by the timer that the edit makes overdue
	// WithinHour is how many more end within an hour that would not otherwise: by the timer, or as route_removed or drained. Those that
	// nothing saves count whether they would fall silent meanwhile or not; those whose clients always speak sooner than idle_timeout do not.
	WithinHour map[string]int `json:"within_hour"`
}

// Ends is how many connections the edit ends at once, and how many more within an hour.
func (r *PlannedRoute) Ends() (atOnce, withinHour int) {
	for _, n := range r.AtOnce {
		atOnce += n
	}
	for _, n := range r.WithinHour {
		withinHour += n
	}
	return atOnce, withinHour
}
