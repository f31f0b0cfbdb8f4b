package api

import "time"

// Status is the gateway as a whole.
type Status struct {
	Version        string            `json:"version"`
	Host           string            `json:"host"`      // name of the machine; "": it has none
	TimeZone       string            `json:"time_zone"` // of the gateway's clock
	Viewer         bool              `json:"viewer"`    // who asks may look, and change nothing
	Alarms         []Alarm           `json:"alarms"`    // what is wrong now, the worst first
	ByHand         []HandSetting     `json:"by_hand"`   // what is otherwise than the file says, until it is undone or the gateway is started again
	Now            time.Time         `json:"now"`       // the gateway's clock
	StartedAt      time.Time         `json:"started_at"`
	Ready          bool              `json:"ready"`
	Reason         string            `json:"reason"`        // why it is not ready
	AcceptPaused   bool              `json:"accept_paused"` // every place is taken, or descriptors are: new clients wait
	Connections    int64             `json:"connections"`
	ConnectionsMax int64             `json:"connections_max"`
	Refused        map[string]uint64 `json:"refused"` // before a route was chosen, by cause, those above 0
	BufferBytes    int64             `json:"buffer_bytes"`
	LogDropped     uint64            `json:"log_dropped"`
	Config         Config            `json:"config"`
}

// HandSetting is something that an operator has set by hand.
type HandSetting struct {
	What  string    `json:"what"` // in words
	Since time.Time `json:"since"`
	Undo  string    `json:"undo"` // the command that undoes it
	Call  string    `json:"call"` // the call of the API that does: method and path, without the prefix
}

// Config says which policy file is in force, and how the last reading of it ended.
type Config struct {
	File       string    `json:"file"` // "" if the gateway was not made from a file
	Generation uint64    `json:"generation"`
	LoadedAt   time.Time `json:"loaded_at"`   // when the one in force took over
	Pending    []Change  `json:"pending"`     // what the file says and waits for a restart
	LastReload *Reload   `json:"last_reload"` // null: none since the start
}

// Effective is the policy in force with every default filled in. What waits for a restart is not in it.
type Effective struct {
	Config
	Warnings []string `json:"warnings"` // of the file in force, and of names in it that do not resolve now
	YAML     string   `json:"yaml"`
}

// Reload is what became of reading the policy file once more.
type Reload struct {
	At         time.Time `json:"at"`
	Trigger    string    `json:"trigger"` // file, signal, call or previous
	OK         bool      `json:"ok"`
	Generation uint64    `json:"generation"` // in force afterwards
	Changes    []Change  `json:"changes"`    // that took effect
	Pending    []Change  `json:"pending"`    // what the file says and waits for a restart, now or since an earlier reload
	Warnings   []string  `json:"warnings"`
	Error      string    `json:"error,omitempty"`    // why the file was refused; the older one stays in force
	Problems   []Problem `json:"problems,omitempty"` // of the file
}

// Change is what one reload has changed.
type Change struct {
	Path    string `json:"path"` // policies.devices.long.idle_timeout
	From    string `json:"from"`
	To      string `json:"to"`
	Text    string `json:"text"`    // the whole of it in words
	Restart bool   `json:"restart"` // takes effect only when the gateway is started again
}

// Problem is one mistake in a policy file.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`   // key.path: what is wrong
	Source string `json:"source"` // the offending line as it stands in the file
}

// Route is one route and what it has counted since it came into being.
type Route struct {
	Name               string            `json:"name"`
	Listen             []string          `json:"listen"` // bound addresses
	Protocol           string            `json:"protocol"`
	Upstream           string            `json:"upstream"`
	Policy             string            `json:"policy"` // "" where it is written inside the route
	Kind               string            `json:"kind"`
	IdleTimeoutSeconds *float64          `json:"idle_timeout_seconds"`         // null: off, or a short policy
	IdleNegotiated     bool              `json:"idle_timeout_negotiated"`      // each connection has its own; idle_timeout_seconds is that of those that agree on none
	DryRunIdleSeconds  *float64          `json:"dry_run_idle_timeout_seconds"` // null: not in a dry run
	DeadlineSeconds    *float64          `json:"deadline_seconds"`             // of a short policy; null: off
	Limit              int               `json:"limit"`                        // limits.connections; 0: none
	SourceLimit        int               `json:"source_limit"`                 // limits.connections_per_source; 0: none
	AcceptLimit        int               `json:"accept_limit"`                 // limits.accepts_per_second; 0: none
	FullestSource      string            `json:"fullest_source,omitempty"`     // that with the most connections, where there is a limit for each
	FullestConnections int               `json:"fullest_source_connections"`
	Connections        int64             `json:"connections"`
	Opened             uint64            `json:"opened"`
	Closed             map[string]uint64 `json:"closed"`   // by reason, those above 0
	Refused            map[string]uint64 `json:"refused"`  // by cause, those above 0
	Timeouts           []TimeoutCount    `json:"timeouts"` // those above 0
	ClientMessages     uint64            `json:"client_messages"`
	UpstreamMessages   uint64            `json:"upstream_messages"`
	ClientHeartbeats   uint64            `json:"client_heartbeats"` // of the messages
	UpstreamHeartbeats uint64            `json:"upstream_heartbeats"`
	ClientBytes        uint64            `json:"client_bytes"`
	UpstreamBytes      uint64            `json:"upstream_bytes"`
}

// TimeoutCount says how often one timer ran out.
type TimeoutCount struct {
	Timeout string `json:"timeout"`
	Action  string `json:"action"` // closed or observed
	Count   uint64 `json:"count"`
}

// Routes are all routes in the order of the file.
type Routes struct {
	Now    time.Time `json:"now"` // when the figures were read
	Routes []Route   `json:"routes"`
}

// Silence is how long the open connections of a route have been silent: Counts[i] of them for more than Bounds[i-1] and
// at most Bounds[i] seconds, the last for longer than all bounds.
type Silence struct {
	Route  string    `json:"route"`
	Bounds []float64 `json:"bounds_seconds"`
	Counts []uint64  `json:"counts"` // one more than Bounds
	// Due are how many a timer ends within 10 s as things stand.
	Due uint64 `json:"due"`
}

// Silences are those of all routes.
type Silences struct {
	Silences []Silence `json:"silences"`
}

// History is what has happened on a route in each of the last minutes. The last is still running.
type History struct {
	Route   string   `json:"route"`
	Minutes []Minute `json:"minutes"` // the oldest first
}

// Minute is one minute of a History.
type Minute struct {
	At               time.Time         `json:"at"`       // its beginning
	Closed           map[string]uint64 `json:"closed"`   // by reason
	OpenMax          int64             `json:"open_max"` // connections at once, looked at every second
	Opened           uint64            `json:"opened"`
	Refused          uint64            `json:"refused"`
	ConnectFailures  uint64            `json:"connect_failures"` // connections for which no endpoint could be reached
	ClientMessages   uint64            `json:"client_messages"`
	UpstreamMessages uint64            `json:"upstream_messages"`
	ClientBytes      uint64            `json:"client_bytes"`
	UpstreamBytes    uint64            `json:"upstream_bytes"`
	// The greatest of a second, not the mean; of both sides.
	OpenedPeak   uint64 `json:"opened_peak_per_second"`
	MessagesPeak uint64 `json:"messages_peak_per_second"`
	BytesPeak    uint64 `json:"bytes_peak_per_second"`
}

// Histories are those of all routes, of the last hour.
type Histories struct {
	Now       time.Time `json:"now"`
	Histories []History `json:"histories"`
}

// Policy is a policy in force.
type Policy struct {
	Name   string        `json:"name"` // "" where it is written inside a route
	Kind   string        `json:"kind"`
	Routes []string      `json:"routes"` // that use it
	Timers []PolicyTimer `json:"timers"`
	DryRun bool          `json:"dry_run"` // it is a dry run as a whole
}

// PolicyTimer is one timer of a policy.
type PolicyTimer struct {
	Timer         string   `json:"timer"`
	ValueSeconds  *float64 `json:"value_seconds"`   // null: off
	From          string   `json:"from"`            // file:line, or default
	DryRunSeconds *float64 `json:"dry_run_seconds"` // null: not in a dry run of its own
}

// Policies are all policies in force.
type Policies struct {
	Policies []Policy `json:"policies"`
}
