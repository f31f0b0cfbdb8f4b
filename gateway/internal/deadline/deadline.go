// Package deadline says which timer of a connection is due when.
//
// It is arithmetic and nothing else: Events are the instants at which something happened to the connection, Durations
// the policy in force, and Due the instant at which a timer fires. Nothing is ever armed or stopped, so a policy that is
// edited under an open connection needs no more than another call with other Durations (and, for idle_timeout, Recount).
//
// Timers that measure the client's silence must stand still while the gateway itself does not read the client. Their
// instants are therefore kept on the read clock, which stops while there is a Pause:
//
//	real      0s ........ 10s ........ 20s ........ 30s
//	reading   ───────────┐            ┌───────────────
//	read clk  0s ........ 10s ........ 10s ........ 20s
//
// What an instant of the read clock plus a duration means in real time is known only while the client is being read; before that
// the timer is not due at all.
package deadline

import (
	"math"
	"time"
)

// Instant is a reading of CLOCK_MONOTONIC in nanoseconds. Zero means: has not happened.
type Instant int64

// Never is later than everything that happens.
const Never Instant = math.MaxInt64

// After returns the instant d later, at most Never.
func (t Instant) After(d time.Duration) Instant {
	if sum := t + Instant(d); sum >= t || d < 0 {
		return sum
	}
	return Never
}

// Since returns the time from u to t.
func (t Instant) Since(u Instant) time.Duration { return time.Duration(t - u) }

// Timer is one of the reasons for which a policy ends a connection, in the order that decides between two that are due
// at the same instant.
type Timer uint8

const (
	None              Timer = iota
	Deadline                // short: so long after accept
	ReadDeadline            // short: the client is read no more
	WriteDeadline           // short: nothing is written any more
	IdleTimeout             // long: no resetting message
	FirstMessage            // no first message from the client
	Message                 // a client message that was begun and not finished
	HeartbeatOnly           // long: no client message but heartbeats
	ProbeAfter              // long: the client is silent, and is asked whether it is there
	ProbeTimeout            // long: it was asked and has said nothing
	Reply                   // a request awaits its reply
	IdleInTransaction       // long: the client has a transaction open and says nothing
	MaxLifetime             // long: so long after accept
	ClientWrite             // the client takes nothing of what waits for it
	UpstreamWrite           // the upstream takes nothing of what waits for it
	HalfClose               // one side has finished, the other neither sends nor finishes
	Connect                 // an attempt to connect upstream
	TLSHandshake            // with the client, or with an upstream that was connected to
	MessageRate             // the client goes on too slowly with a message that it has begun
	ClientRate              // the client takes too slowly what waits for it
	UpstreamRate            // the upstream does
	Count                   // how many there are
)

var timerNames = [Count]string{
	"none", "deadline", "read_deadline", "write_deadline", "idle_timeout", "first_message_timeout", "message_timeout",
	"heartbeat_only_timeout", "probe.after", "probe.timeout", "reply_timeout", "idle_in_transaction_timeout",
	"max_lifetime", "write_timeout", "write_timeout", "half_close_timeout", "connect_timeout",
	"tls_handshake_timeout", "min_rate", "min_rate", "min_rate",
}

// String returns the YAML key of the timer, several of which may share one.
func (t Timer) String() string { return timerNames[t] }

// Action is what is done when a timer is due.
type Action uint8

const (
	End         Action = iota // the connection ends
	StopReading               // the client is read no more; it ends unless it may still be answered
	Ask                       // the client is asked whether it is there
	Retry                     // another endpoint is tried; it ends where there is none
)

// Action returns what is done when t is due.
func (t Timer) Action() Action {
	switch t {
	case ReadDeadline:
		return StopReading
	case ProbeAfter:
		return Ask
	case Connect, TLSHandshake:
		return Retry
	}
	return End
}

// Durations holds one duration for each timer; 0 switches it off.
type Durations [Count]time.Duration

// Negotiated in the place of IdleTimeout says that each connection has its own, in Detail.Idle.
const Negotiated time.Duration = -1

// Set is a set of timers.
type Set uint32

// With returns the set and t.
func (s Set) With(t Timer) Set { return s | 1<<t }

// Without returns the set less t.
func (s Set) Without(t Timer) Set { return s &^ (1 << t) }

// Has reports whether t is in the set.
func (s Set) Has(t Timer) bool { return s&(1<<t) != 0 }
