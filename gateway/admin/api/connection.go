package api

import "time"

// Connection is one open connection.
type Connection struct {
	ID                 uint64    `json:"id"`
	Route              string    `json:"route"`
	Client             string    `json:"client"`                // its address, as its PROXY header has it if one is accepted, or "unix"
	Proxy              string    `json:"proxy,omitempty"`       // the proxy that has sent that header
	ServerName         string    `json:"server_name,omitempty"` // by which it has asked in its ClientHello
	Endpoint           string    `json:"endpoint"`              // as the policy file has it; "" while there is none
	State              State     `json:"state"`
	OpenedAt           time.Time `json:"opened_at"`
	AgeSeconds         float64   `json:"age_seconds"`
	SilenceSeconds     float64   `json:"silence_seconds"` // since the client's last complete message, at first since it came
	ClientBytes        uint64    `json:"client_bytes"`
	ClientMessages     uint64    `json:"client_messages"` // heartbeats included
	ClientHeartbeats   uint64    `json:"client_heartbeats"`
	UpstreamBytes      uint64    `json:"upstream_bytes"`
	UpstreamMessages   uint64    `json:"upstream_messages"`
	UpstreamHeartbeats uint64    `json:"upstream_heartbeats"`
	NextTimer          string    `json:"next_timer"`  // the timer that ends it next as it stands, drain_timeout included; "" if none runs
	DueSeconds         *float64  `json:"due_seconds"` // until then; null if none runs
	TLS                *TLS      `json:"tls,omitempty"`
	UpstreamTLS        *TLS      `json:"upstream_tls,omitempty"`
}

// TLS is what a handshake has settled; there is none before it is over, nor with a side that speaks no TLS.
type TLS struct {
	Version     string `json:"version"`               // 1.2 or 1.3
	Cipher      string `json:"cipher"`                // by its name at IANA
	ServerName  string `json:"server_name,omitempty"` // that was asked for (SNI)
	ALPN        string `json:"alpn,omitempty"`        // the protocol that was agreed on
	Certificate string `json:"certificate,omitempty"` // the subject of the one that the peer has shown
	Resumed     bool   `json:"resumed"`               // an earlier session went on
}

// State is where a connection stands.
type State string

const (
	Handshake  State = "handshake"   // of TLS, with the client
	Waiting    State = "waiting"     // for its first message, before which it has no upstream
	Connecting State = "connecting"  // to an endpoint
	Open       State = "open"        // bytes flow both ways
	HalfClosed State = "half_closed" // one side has finished
	Draining   State = "draining"    // its route, its endpoint or the gateway is being drained
)

// Connections is a page of a listing.
type Connections struct {
	Total       int          `json:"total"` // that the filter lets through; with a cursor, those on this page
	Offset      int          `json:"offset"`
	Connections []Connection `json:"connections"`
	Next        string       `json:"next,omitempty"` // the cursor to go on with; "": this was the last page, or no cursor was given
}

// Filter chooses among open connections; each member that is set must hold.
type Filter struct {
	Route    string
	Client   string // as ParseClients has it; what it does not take is part of the address
	Endpoint string // as the policy file has it
	State    State
	Idle     time.Duration // silent for at least so long
	Age      time.Duration // open for at least so long
	Due      time.Duration // to be ended by a timer within so long
	Search   string        // part of its id, route, client or endpoint, whatever the case
}

// IsZero reports whether f lets all through.
func (f Filter) IsZero() bool { return f == Filter{} }

// Page says in which order and from where to list.
type Page struct {
	// Cursor walks through all connections, a page after the other, in the order in which the gateway holds them: FirstPage at the
	// beginning, then what Next said. Sort and Offset are not used then; "": they are.
	Cursor string
	Sort   string // a key of SortKeys, "-" before it: descending; "": by id
	Offset int
	Limit  int // 1 to MaxLimit
}

// FirstPage is the Cursor to begin with.
const FirstPage = "first"

const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Closed says which connections a call has ended.
type Closed struct {
	Closed int      `json:"closed"`
	IDs    []uint64 `json:"ids"` // the first MaxLimit of them
}

// Explanation is all that is known of one connection: which timer ends it when, and where each value comes from.
type Explanation struct {
	Connection Connection `json:"connection"`
	Policy     string     `json:"policy"` // its name; "" where it is written inside the route
	Kind       string     `json:"kind"`   // short or long
	Protocol   string     `json:"protocol"`
	ResetOn    string     `json:"reset_on,omitempty"` // of a long policy
	Close      string     `json:"close"`              // fin or rst
	Generation uint64     `json:"generation"`         // of the policy file in force
	Timers     []Timer    `json:"timers"`
	Endpoint   *Endpoint  `json:"endpoint,omitempty"` // what is known of its endpoint; absent: it has none yet
	Draining   *Drain     `json:"draining,omitempty"` // while it is drained
	Unpaired   bool       `json:"unpaired"`           // its protocol pairs requests with replies, which can no longer be told apart: none counts as owed
	Opaque     bool       `json:"opaque"`             // its protocol is not understood any more: it has no messages
	ReadPaused bool       `json:"read_paused"`        // the client is not being read: timers of its silence stand still

	// ReadPausedFor are the reasons for that, none if it is being read: dialling, upstream_waits, upstream_gone, memory, answers_wait,
	// read_deadline, handshake, rate.
	ReadPausedFor []string `json:"read_paused_for"`

	Rates []RateLimit `json:"rates"` // that bound what its client sends; empty: none does
	Peers []Peer      `json:"peers"` // client and upstream
}

// Peer is what waits for one peer of a connection, and what the kernel says of the way to it.
type Peer struct {
	Side          string   `json:"side"`          // client or upstream
	HeldBytes     int      `json:"held_bytes"`    // for it, in the gateway
	UnackedBytes  int      `json:"unacked_bytes"` // written to it and not acknowledged, in the kernel
	UnreadBytes   int      `json:"unread_bytes"`  // from it, not read yet, in the kernel
	RTTSeconds    *float64 `json:"rtt_seconds"`   // round trip; null: not TCP, or not measured yet
	Retransmitted *int     `json:"retransmitted"` // segments that were sent to it again; null: not TCP
}

// RateLimit is a rate that bounds one client, and how near it is.
type RateLimit struct {
	Limit     string `json:"limit"` // its key: messages_per_second or bytes_per_second
	PerSecond int64  `json:"per_second"`
	Left      uint64 `json:"left"` // that the client may send at once
}

// Timer is one timer of a connection.
type Timer struct {
	Timer        string   `json:"timer"`                // its key
	Side         string   `json:"side,omitempty"`       // client or upstream, where a key sets a timer for each: who must take bytes
	ValueSeconds *float64 `json:"value_seconds"`        // null: off
	Negotiated   string   `json:"negotiated,omitempty"` // of an idle_timeout that may be: agreed, min, max or otherwise
	From         string   `json:"from"`                 // where the value comes from: file:line, default, or limits.min_rate
	Standing     string   `json:"standing"`             // off, waiting, running, still, over
	Since        string   `json:"since"`                // what it counts from, in words; "" unless it runs
	SinceSeconds *float64 `json:"since_seconds"`        // how long ago that was
	DueSeconds   *float64 `json:"due_seconds"`          // until it fires as things stand; null if it does not run
	Waits        string   `json:"waits"`                // what it waits for though its time may be over; "" for nothing
	DryRun       *DryRun  `json:"dry_run"`              // null: no dry run watches it
}

// DryRun is a timer in a dry run.
type DryRun struct {
	ValueSeconds float64  `json:"value_seconds"`
	From         string   `json:"from"`
	DueSeconds   *float64 `json:"due_seconds"` // until it is counted; null if it does not run
	Counted      bool     `json:"counted"`     // since it was started last
}

// Drain says why and by when a connection must go.
type Drain struct {
	Reason     string   `json:"reason"`      // route_removed or drained
	DueSeconds *float64 `json:"due_seconds"` // until it is cut; null: never
}

// Ended is a connection that has ended.
type Ended struct {
	ID                    uint64         `json:"id"`
	Route                 string         `json:"route"`
	Client                string         `json:"client"`
	Proxy                 string         `json:"proxy,omitempty"`
	ServerName            string         `json:"server_name,omitempty"`
	Endpoint              string         `json:"endpoint"`
	Reason                string         `json:"reason"`
	EndedAt               time.Time      `json:"ended_at"`
	DurationSeconds       float64        `json:"duration_seconds"`
	LongestSilenceSeconds float64        `json:"longest_silence_seconds"`
	ClientBytes           uint64         `json:"client_bytes"`
	ClientMessages        uint64         `json:"client_messages"` // heartbeats included
	ClientHeartbeats      uint64         `json:"client_heartbeats"`
	UpstreamBytes         uint64         `json:"upstream_bytes"`
	UpstreamMessages      uint64         `json:"upstream_messages"`
	UpstreamHeartbeats    uint64         `json:"upstream_heartbeats"`
	ProtocolError         *ProtocolError `json:"protocol_error,omitempty"` // why it ended, where the protocol was broken
	Error                 string         `json:"error,omitempty"`          // of the last attempt to connect, or of the TLS handshake that failed
	TLS                   *TLS           `json:"tls,omitempty"`            // with the client
}

// ProtocolError is where and how a stream broke its protocol.
type ProtocolError struct {
	Rule   string `json:"rule"`   // what is wrong
	From   string `json:"from"`   // client or upstream: whose stream it is
	Offset uint64 `json:"offset"` // bytes of that stream that were sound
	Bytes  string `json:"bytes"`  // up to 64 around the first that was not, in hex
}

// CloseReasons are all that a connection can end for.
func CloseReasons() []string {
	return []string{
		"client_fin", "upstream_fin", "client_reset", "upstream_reset", "client_lost", "upstream_lost",
		"idle_timeout", "first_message_timeout", "message_timeout", "heartbeat_only", "probe_unanswered", "reply_timeout",
		"idle_in_transaction", "max_lifetime",
		"deadline", "read_deadline", "write_deadline",
		"client_stalled", "upstream_stalled", "half_close_timeout",
		"connect_refused", "connect_timeout", "connect_failed", "no_endpoint",
		"tls_handshake_failed", "tls_handshake_timeout",
		"protocol_error", "message_too_large", "rate_limited",
		"evicted", "drained", "shutdown", "killed", "route_removed", "internal_error",
	}
}

// Endings are the connections that have ended last, the latest first. Event loops keep the last few hundred each.
type Endings struct {
	Ended []Ended `json:"ended"`
	Next  string  `json:"next,omitempty"` // the cursor to go on with; "": this was the last page, or no cursor was given
}

// EndedQuery chooses among connections that have ended.
type EndedQuery struct {
	Route  string // "": each
	Reason string // "": any
	ID     uint64 // 0: any
	Limit  int
	// Cursor walks through all of them, a page after the other, the latest first: FirstPage at the beginning, then what Next of the page
	// before said. What ends meanwhile is on no later page. "": the first page alone.
	Cursor string
}
