package session

import (
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// Next returns the instant at which the timers must be looked at again, at most Never.
func (s *Session) Next(r *Rules) deadline.Instant {
	_, at := s.earliest(r, s.done())
	at = min(at, s.Events.Look(&r.Enforced))
	if !r.DryRun {
		return at
	}
	inDryRun := s.eventsOfDryRun()
	notInDryRun := s.notInDryRun(r)
	_, observed := inDryRun.Earliest(&r.Observed, notInDryRun)
	if !notInDryRun.Has(deadline.IdleTimeout) {
		observed = min(observed, inDryRun.LookAtDrain(&r.Observed))
	}
	return min(at, observed)
}

// earliest returns the timer to be enforced that fires first and when, among those not in skip. Of two at the same instant
// it is the one higher in the table.
func (s *Session) earliest(r *Rules, skip deadline.Set) (deadline.Timer, deadline.Instant) {
	if s.graced == 0 {
		return s.Events.Earliest(&r.Enforced, skip)
	}
	first, at := deadline.None, deadline.Never
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if due := s.dueOf(t, r); due < at && !skip.Has(t) {
			first, at = t, due
		}
	}
	return first, at
}

// dueOf returns when t fires, an edit's grace included.
func (s *Session) dueOf(t deadline.Timer, r *Rules) deadline.Instant {
	due := s.Events.Due(t, &r.Enforced)
	if s.graced.Has(t) {
		return max(due, s.until)
	}
	return due
}

// NextTimer returns the timer that ends the session next as things stand, and when. None and Never: no timer does. A
// read_deadline past which the client may still be answered ends nothing, nor does a probe.
func (s *Session) NextTimer(r *Rules) (deadline.Timer, deadline.Instant) {
	skip := s.done().With(deadline.ProbeAfter)
	if s.MayBeAnswered(r) {
		skip = skip.With(deadline.ReadDeadline)
	}
	return s.earliest(r, skip)
}

// CertainTimer is NextTimer of those that nothing puts off which a peer sends.
func (s *Session) CertainTimer(r *Rules) (deadline.Timer, deadline.Instant) {
	skip := s.done()
	for t := deadline.None + 1; t < deadline.Count; t++ {
		switch t {
		case deadline.Deadline, deadline.WriteDeadline, deadline.MaxLifetime:
		default:
			skip = skip.With(t)
		}
	}
	return s.earliest(r, skip)
}

// Due returns the timer to be enforced that is due at now and since when, and notes nothing.
func (s *Session) Due(r *Rules, now deadline.Instant) (deadline.Timer, deadline.Instant) {
	t, at := s.earliest(r, s.done())
	if at > now {
		return deadline.None, at
	}
	return t, at
}

// Observe returns the timers of the dry run that are due at now and counts each once for each time it is started.
func (s *Session) Observe(r *Rules, now deadline.Instant) (seen deadline.Set) {
	if !r.DryRun {
		return 0
	}
	inDryRun := s.eventsOfDryRun()
	for {
		t, at := inDryRun.Earliest(&r.Observed, s.notInDryRun(r))
		if at > now {
			return seen
		}
		s.Events.Observed = s.Events.Observed.With(t)
		if t != deadline.ReadDeadline || !s.MayBeAnswered(r) {
			seen = seen.With(t)
		}
	}
}

// eventsOfDryRun returns the events as the timers of a dry run see them.
func (s *Session) eventsOfDryRun() deadline.Events {
	e := s.Events
	if e.Detail != nil {
		e.IdleFrom = e.Detail.ObservedIdleFrom
	}
	return e
}

// IdleWaits reports whether idle_timeout, enforced or in a dry run, would be due at now if it waited for nothing.
func (s *Session) IdleWaits(r *Rules, now deadline.Instant) bool {
	if s.Events.IdlePast(s.Events.IdleValue(&r.Enforced), now) {
		return true
	}
	if !r.DryRun || s.notInDryRun(r).Has(deadline.IdleTimeout) {
		return false
	}
	inDryRun := s.eventsOfDryRun()
	return inDryRun.IdlePast(s.Events.IdleValue(&r.Observed), now)
}

func (s *Session) notInDryRun(r *Rules) deadline.Set { return r.NotSeen | s.Events.Observed }

// done returns the timers that have had their effect, or will have it when the client is read again.
func (s *Session) done() deadline.Set {
	if s.ReadClosed() || s.readOwed && s.Events.Paused() {
		return deadline.Set(0).With(deadline.ReadDeadline)
	}
	return 0
}

// MayBeAnswered reports whether the client has finished sending, so that read_deadline need not end the session: by FIN
// or, where messages have boundaries, by standing at one after at least one message, with an upstream that can answer.
func (s *Session) MayBeAnswered(r *Rules) bool { return s.WouldBeAnswered(r, nil) }

// WouldBeAnswered is MayBeAnswered of a client that has also sent unread, which lies in its socket. It changes nothing.
func (s *Session) WouldBeAnswered(r *Rules, unread []byte) bool {
	f := &s.FromClient
	if f.FIN || !s.bounded(r) {
		return f.FIN
	}
	before, messages, got := s.Talk, f.Messages, Receipt{}
	for more := true; more; more = len(unread) > 0 && got.Broke == Open && got.Again == 0 {
		got = s.scan(r, protocol.FromClient, unread)
		messages += got.Messages
		unread = unread[got.Pass+got.Swallow:]
	}
	atBoundary := s.atBoundary(protocol.FromClient)
	s.Talk = before
	return got.Broke == Open && messages > 0 && atBoundary && !s.FromUpstream.Passed
}

// CloseRead notes that read_deadline has passed for a client that may still be answered.
func (s *Session) CloseRead(now deadline.Instant) {
	s.readOwed = false
	s.Events.Pause(deadline.PauseReadDeadline, now)
}

// ReadClosed reports whether read_deadline has passed for a client that may still be answered: it is read no more.
func (s *Session) ReadClosed() bool { return s.Events.Pauses().Has(deadline.PauseReadDeadline) }

// OweRead notes that read_deadline has passed for a client that may still be answered and that is not read at the moment,
// though it has sent something in time. It is due again when that can be read.
func (s *Session) OweRead() { s.readOwed = true }

// Unheard returns the sides whose sockets are to be read before that acts which is due at now: what lies there came in time.
// A timer that measures silence asks for every side that restarts it, read_deadline for the client, which may have finished.
// One that ends the session whatever comes asks for none.
func (s *Session) Unheard(r *Rules, now deadline.Instant) (sides SideSet) {
	if first, _ := s.Due(r, now); first != deadline.None && s.listens(r, first) == 0 {
		return sides
	}
	inDryRun := s.eventsOfDryRun()
	skip, notInDryRun := s.done(), s.notInDryRun(r)
	for t := deadline.None + 1; t < deadline.Count; t++ {
		due := !skip.Has(t) && s.dueOf(t, r) <= now
		if due || r.DryRun && !notInDryRun.Has(t) && inDryRun.Due(t, &r.Observed) <= now {
			sides |= s.listens(r, t)
		}
	}
	return sides
}

// listens returns the sides from which something could come that t would not act after.
func (s *Session) listens(r *Rules, t deadline.Timer) (sides SideSet) {
	switch t {
	case deadline.IdleTimeout:
		for side := range Sides {
			if r.restarts(side.Sends()) || side == Upstream && s.Events.ReplyMoved != 0 { // it waits for more of that
				sides = sides.With(side)
			}
		}
	case deadline.FirstMessage, deadline.Message, deadline.ReadDeadline, deadline.HeartbeatOnly, deadline.ProbeAfter, deadline.ProbeTimeout,
		deadline.IdleInTransaction, deadline.MessageRate:
		sides = sides.With(Client)
	case deadline.Reply:
		sides = sides.With(Upstream)
	case deadline.HalfClose:
		for side := range Sides {
			if !s.Flow(side.Sends()).FIN {
				sides = sides.With(side)
			}
		}
	}
	return sides
}
