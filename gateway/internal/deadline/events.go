package deadline

import "time"

// Events are the instants of one connection that its timers could need, recorded whether or not a timer that needs them
// is on. It is plain data: it is listed and written down while the connection is open. Of what is copied, Detail is shared
// until Clone.
//
// Fields marked so are on the read clock of the package comment, all others on the real one. A message is lasting
// that took more than an instant: more than one read, or longer for the client to take.
type Events struct {
	// What most messages do not touch.
	Accepted     Instant
	Greeted      Instant // read clock: first message of a server that speaks first; 0: none yet, or it does not speak first
	ReplyBegan   Instant // read clock: begin of the first lasting message to the client since the client spoke
	Replied      Instant // read clock: end of the last lasting message to the client; 0: none has ended
	ConnectBegan Instant // of the attempt under way; 0: none is

	// What waits for a peer: the last time its kernel acknowledged a byte, and the last time we looked. 0: nothing waits.
	// Of a client that drains, ClientWaits.Polled is the last look at what the kernel still holds for it.
	ClientWaits   Wait
	UpstreamWaits Wait

	// What they do.
	HalfClosed    Instant // the first FIN, or the last bytes from the side that is still open; 0: no FIN, or both
	ReplyMoved    Instant // last byte that moved of the lasting message to the client under way; 0: none is
	ClientSpoke   Instant // read clock: last complete message of the client; at first the accept
	UpstreamSpoke Instant // read clock: last complete message of the upstream; at first the accept
	IdleFrom      Instant // read clock: from when idle_timeout counts: Reset, or the later end of a message it waited for
	MessageBegan  Instant // read clock: first byte of the client message under way; 0: none is

	pausedSince Instant       // the gateway stopped reading the client; 0: it reads
	paused      time.Duration // for how long it did not, before pausedSince

	Detail *Detail // what only some connections need; nil: this one does not, or none of it has happened

	Lifetime      uint16  // share of MaxLifetime that jitter takes off, in 1/65536
	ResetOn       ResetOn // whose messages restart idle_timeout
	ServerFirst   bool    // the server speaks first, so that first_message_timeout starts with its first message
	FirstMessage  bool    // the client's first message is complete
	ClientFIN     bool    // the client sends no more
	KernelPending bool    // the kernel has all of the lasting message to the client, and its end is when the client has
	pauses        Pauses
	DrainMark     uint32 // grows as the kernel's part of that message is acknowledged; 0: it has not been looked at
	Observed      Set    // timers that a dry run has counted since they were started
}

// ResetOn says whose complete messages restart idle_timeout. It is a set.
type ResetOn uint8

const (
	ResetOnClient ResetOn = 1 << iota
	ResetOnUpstream
	ResetOnEither = ResetOnClient | ResetOnUpstream
)

// Wait is what is known of bytes that a peer did not take yet.
type Wait struct {
	Progressed Instant // last acknowledged byte, or when the waiting began
	Polled     Instant
}

// Accept starts the record of a connection.
func Accept(now Instant, lifetimeShare uint16) Events {
	return Events{Accepted: now, ClientSpoke: now, UpstreamSpoke: now, IdleFrom: now, Lifetime: lifetimeShare}
}

// ReadClock returns now, or an instant since the last Resume, on the read clock.
func (e *Events) ReadClock(now Instant) Instant {
	if e.pauses != 0 {
		now = min(now, e.pausedSince)
	}
	return now - Instant(e.paused)
}

// real returns when the instant of the read clock t lies d back, or Never while that is not known.
func (e *Events) real(t Instant, d time.Duration) Instant {
	if e.pauses != 0 {
		return Never
	}
	return t.After(d).After(e.paused)
}
