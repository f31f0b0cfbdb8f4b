package deadline

import "time"

// Detail is what the timers of a connection need where its protocol knows more than boundaries, or its policy asks for more
// than others do. Fields marked so are on the read clock.
type Detail struct {
	Data Instant // read clock: last complete client message that is no heartbeat; at first the accept

	// Where the protocol pairs requests with replies.
	Owed          Instant // since when the reply that comes next is awaited, or when a message of it came; 0: none is
	Paid          Instant // read clock: when the last reply ended that was awaited; 0: none has
	InTransaction bool    // the client has a transaction open, and nothing is owed

	// Of the gateway's probe.
	Asked   Instant // read clock: when the one was sent whose answer has not come; 0: there is none
	Awaited Instant // read clock: since when the client has to say something; 0: it has not
	AskFrom Instant // read clock: not before then, as it could not be sent; 0: at once. Never: it never can

	Pace *Pace // nil: no least rate is kept

	Idle             time.Duration // idle_timeout where Durations has Negotiated; 0: off
	ObservedIdleFrom Instant       // read clock: what Events.IdleFrom would be under the timers of a dry run
}

// Detailed returns the detail of e, which has one from now on. Nothing that it is about has happened so far.
func (e *Events) Detailed() *Detail {
	if e.Detail == nil {
		e.Detail = &Detail{Data: e.ClientSpoke, ObservedIdleFrom: e.IdleFrom}
	}
	return e.Detail
}

// Clone returns a copy that shares nothing with e.
func (e *Events) Clone() Events {
	own := *e
	if e.Detail != nil {
		detail := *e.Detail
		own.Detail = &detail
		if pace := detail.Pace; pace != nil {
			ownPace := *pace
			detail.Pace = &ownPace
		}
	}
	return own
}

// Owing reports whether a request awaits its reply.
func (e *Events) Owing() bool { return e.Detail != nil && e.Detail.Owed != 0 }

// paid returns the instant of the read clock at which the last reply ended that was awaited; 0: none has.
func (e *Events) paid() Instant {
	if e.Detail == nil {
		return 0
	}
	return e.Detail.Paid
}

// IdleValue returns the idle_timeout that d means for this connection; 0: it is off.
func (e *Events) IdleValue(d *Durations) time.Duration {
	switch {
	case d[IdleTimeout] != Negotiated:
		return d[IdleTimeout]
	case e.Detail == nil:
		return 0
	}
	return e.Detail.Idle
}

// dueInDetail is Due for the timers that only a connection with a Detail has.
func (e *Events) dueInDetail(t Timer, d time.Duration) Instant {
	x := e.Detail
	if x == nil {
		return Never
	}
	switch t {
	case HeartbeatOnly:
		if !e.ClientFIN {
			return e.real(x.Data, d)
		}
	case ProbeAfter:
		if !e.ClientFIN && x.Awaited == 0 {
			return max(e.real(e.ClientSpoke, d), e.real(x.AskFrom, 0))
		}
	case ProbeTimeout:
		if !e.ClientFIN && x.Awaited != 0 {
			return e.real(x.Awaited, d)
		}
	case Reply:
		if x.Owed != 0 { // bytes of a message that goes on are a part of the reply
			return max(x.Owed, e.ReplyMoved).After(d)
		}
	case IdleInTransaction:
		if !e.ClientFIN && x.InTransaction {
			return e.real(max(x.Paid, e.ClientSpoke), d)
		}
	}
	return Never
}

// standingInDetail is Standing for the same timers.
func (e *Events) standingInDetail(t Timer) Standing {
	x := e.Detail
	if x == nil {
		return Waiting
	}
	switch t {
	case HeartbeatOnly:
		return e.attending(e.ClientFIN, false)
	case ProbeAfter:
		return e.attending(e.ClientFIN || x.AskFrom == Never, x.Awaited != 0)
	case ProbeTimeout:
		return e.attending(e.ClientFIN, x.Awaited == 0)
	case IdleInTransaction:
		return e.attending(e.ClientFIN, !x.InTransaction)
	}
	return started(x.Owed)
}

// sinceInDetail is Since for the same timers.
func (e *Events) sinceInDetail(t Timer) (Instant, string) {
	x := e.Detail
	if x == nil {
		return 0, ""
	}
	switch t {
	case HeartbeatOnly:
		if x.Data == e.Accepted {
			return e.Unattended(x.Data), "accept"
		}
		return e.Unattended(x.Data), "the client's last message that is no heartbeat"
	case ProbeAfter:
		if e.ClientSpoke == e.Accepted {
			return e.Unattended(e.ClientSpoke), "accept"
		}
		return e.Unattended(e.ClientSpoke), "the client's last message"
	case ProbeTimeout:
		return e.Unattended(x.Awaited), "the question to the client"
	case IdleInTransaction:
		if e.ClientSpoke > x.Paid {
			return e.Unattended(e.ClientSpoke), "the client's last message"
		}
		return e.Unattended(x.Paid), "the end of the last reply"
	}
	if e.ReplyMoved > x.Owed {
		return e.ReplyMoved, "the last byte of the reply that moved"
	}
	return x.Owed, "the request, or the last message of its reply"
}
