package session

import "idlegate/gateway/internal/deadline"

// Reason is the one named cause for which a session ended. The list is closed: log, metrics, API and page all use it.
type Reason uint8

const (
	Open Reason = iota // has not ended

	// The peers ended it. Lost means that the kernel gave up on the peer.
	ClientFIN
	UpstreamFIN
	ClientReset
	UpstreamReset
	ClientLost
	UpstreamLost

	// A timer of the policy ended it.
	IdleTimeout
	FirstMessageTimeout
	MessageTimeout
	HeartbeatOnly
	ProbeUnanswered
	ReplyTimeout
	IdleInTransaction
	MaxLifetime
	Deadline
	ReadDeadline
	WriteDeadline
	ClientStalled
	UpstreamStalled
	HalfCloseTimeout

	// No upstream connection came about.
	ConnectRefused
	ConnectTimeout
	ConnectFailed
	NoEndpoint

	// A TLS handshake failed: the client's, or that with each upstream that was tried.
	TLSHandshakeFailed
	TLSHandshakeTimeout

	// What a peer sent could not be passed on.
	ProtocolError
	MessageTooLarge
	RateLimited // more messages than limits.messages_per_second

	// The gateway ended it.
	Evicted      // what it had was needed by others
	Drained      // by itself or by its policy while the gateway, its route or its endpoint drained
	Shutdown     // cut: drain_timeout was over, or the gateway was told to stop at once
	RouteRemoved // by itself or by its policy while it drained since its route was no longer in the policy file
	Killed       // by the operator's hand
	InternalError

	ReasonCount // how many there are
)

var reasonNames = [ReasonCount]string{
	"open",
	"client_fin", "upstream_fin", "client_reset", "upstream_reset", "client_lost", "upstream_lost",
	"idle_timeout", "first_message_timeout", "message_timeout",
	"heartbeat_only", "probe_unanswered", "reply_timeout", "idle_in_transaction", "max_lifetime",
	"deadline", "read_deadline", "write_deadline", "client_stalled", "upstream_stalled", "half_close_timeout",
	"connect_refused", "connect_timeout", "connect_failed", "no_endpoint",
	"tls_handshake_failed", "tls_handshake_timeout",
	"protocol_error", "message_too_large", "rate_limited",
	"evicted", "drained", "shutdown", "route_removed", "killed", "internal_error",
}

// String returns the word used in log and metrics.
func (r Reason) String() string { return reasonNames[r] }

// Fault reports whether the session ended otherwise than by a side that had finished, by its policy's kind, or because the
// operator had it so: those that `log.connections: faults` shows.
func (r Reason) Fault() bool {
	switch r {
	case ClientFIN, UpstreamFIN, Drained, RouteRemoved, Killed, Deadline, MaxLifetime:
		return false
	}
	return true
}

// timerReasons names the end that each timer brings.
var timerReasons = [deadline.Count]Reason{
	deadline.Deadline:          Deadline,
	deadline.ReadDeadline:      ReadDeadline,
	deadline.WriteDeadline:     WriteDeadline,
	deadline.IdleTimeout:       IdleTimeout,
	deadline.FirstMessage:      FirstMessageTimeout,
	deadline.Message:           MessageTimeout,
	deadline.HeartbeatOnly:     HeartbeatOnly,
	deadline.ProbeTimeout:      ProbeUnanswered,
	deadline.Reply:             ReplyTimeout,
	deadline.IdleInTransaction: IdleInTransaction,
	deadline.MaxLifetime:       MaxLifetime,
	deadline.ClientWrite:       ClientStalled,
	deadline.UpstreamWrite:     UpstreamStalled,
	deadline.HalfClose:         HalfCloseTimeout,
	deadline.Connect:           ConnectTimeout,
	deadline.TLSHandshake:      TLSHandshakeTimeout,
	deadline.MessageRate:       MessageTimeout,
	deadline.ClientRate:        ClientStalled,
	deadline.UpstreamRate:      UpstreamStalled,
}

// Ends returns the reason of a session that t ended; Open where t does not end any.
func Ends(t deadline.Timer) Reason { return timerReasons[t] }

// Cause is why a connection never became a session.
type Cause uint8

const (
	Denied          Cause = iota // by allow or deny
	OverCapacity                 // max_connections, with on_full: refuse
	OverRouteLimit               // limits.connections
	OverSourceLimit              // limits.connections_per_source
	AcceptRate                   // limits.accepts_per_second
	NoRoute                      // no route of its listener takes it, or it has not said in time what it wants
	BadProxyHeader               // a trusted proxy has sent no PROXY header, a malformed one, or none in time
	FDLimit                      // no file descriptor was left
	CauseCount                   // how many there are
)

var causeNames = [CauseCount]string{"denied", "over_capacity", "over_route_limit", "over_source_limit", "accept_rate", "no_route", "bad_proxy_header", "fd_limit"}

// String returns the word used in metrics.
func (c Cause) String() string { return causeNames[c] }
