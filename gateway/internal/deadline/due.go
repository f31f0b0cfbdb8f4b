package deadline

import "time"

// looks is how many times a write_timeout is looked at before it can fire. The kernel says nothing when a peer
// acknowledges bytes (EPOLLOUT waits for a third of the send buffer), so progress is found only by looking, and
// write_timeout is late by up to one such share of itself.
const looks = 8

// LatestWrite returns after how long at the latest a write_timeout of d fires for a peer that acknowledges nothing any more.
func LatestWrite(d time.Duration) time.Duration { return d + max(d/looks, time.Millisecond) }

// Due returns when t fires under d, or Never while nothing can make it fire.
func (e *Events) Due(t Timer, d *Durations) Instant {
	if d[t] == 0 {
		return Never
	}
	switch t {
	case Deadline, ReadDeadline, WriteDeadline:
		return e.Accepted.After(d[t])
	case MaxLifetime:
		return e.Accepted.After(d[t] - time.Duration(float64(d[t])*float64(e.Lifetime)/65536))
	case IdleTimeout:
		return e.Idle(d)
	case FirstMessage:
		switch {
		case e.FirstMessage || e.ClientFIN || e.ServerFirst && e.Greeted == 0:
			return Never
		case e.ServerFirst:
			return e.real(e.Greeted, d[t])
		}
		return e.real(e.Accepted, d[t])
	case Message:
		if e.MessageBegan == 0 || e.ClientFIN {
			return Never
		}
		return e.real(e.MessageBegan, d[t])
	case HeartbeatOnly, ProbeAfter, ProbeTimeout, Reply, IdleInTransaction:
		return e.dueInDetail(t, d[t])
	case ClientWrite:
		return from(e.ClientWaits.Progressed, d[t])
	case UpstreamWrite:
		return from(e.UpstreamWaits.Progressed, d[t])
	case HalfClose:
		return from(e.HalfClosed, d[t])
	case Connect:
		if e.Handshake() == UpstreamHandshake {
			return Never
		}
		return from(e.ConnectBegan, d[t])
	case TLSHandshake:
		return e.handshake(d[t])
	case MessageRate, ClientRate, UpstreamRate:
		return e.dueOfPace(t, d[t])
	}
	return Never
}

// handshake returns when a TLS handshake must be over: a client's counts from accept, an upstream's from when it was connected to.
func (e *Events) handshake(d time.Duration) Instant {
	switch e.Handshake() {
	case ClientHandshake:
		return e.Accepted.After(d)
	case UpstreamHandshake:
		return from(e.ConnectBegan, d)
	}
	return Never
}

func from(t Instant, d time.Duration) Instant {
	if t == 0 {
		return Never
	}
	return t.After(d)
}

// Earliest returns the timer of d that fires first and when, among those not in skip. Of two at the same instant it is
// the one higher in the table. None and Never: no timer runs.
func (e *Events) Earliest(d *Durations, skip Set) (Timer, Instant) {
	first, at := None, Never
	for t := Deadline; t < Count; t++ {
		if d[t] == 0 || skip.Has(t) {
			continue
		}
		if due := e.Due(t, d); due < at {
			first, at = t, due
		}
	}
	return first, at
}

// Look returns when a waiting peer's acknowledged bytes are to be looked at next, Never if nothing waits.
func (e *Events) Look(d *Durations) Instant {
	return min(e.ClientWaits.look(d[ClientWrite], d[ClientRate]), e.UpstreamWaits.look(d[UpstreamWrite], d[UpstreamRate]), e.LookAtDrain(d))
}

// look returns the next look for the shorter of two timers of which either may be off.
func (w Wait) look(d, other time.Duration) Instant {
	if d == 0 || other != 0 && other < d {
		d = other
	}
	if w.Progressed == 0 || d == 0 {
		return Never
	}
	return w.Polled.After(max(d/looks, time.Millisecond))
}
