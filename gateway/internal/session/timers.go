package session

import "idlegate/gateway/internal/deadline"

// Next returns the instant at which the timers must be looked at again, at most Never.
func (s *Session) Next(r *Rules) deadline.Instant {
	_, at := s.NextTimer(r)
	at = min(at, s.Events.Look(&r.Enforced))
	if !r.DryRun {
		return at
	}
	watched := s.watched()
	_, observed := watched.Earliest(&r.Observed, s.unwatched(r))
	return min(at, observed)
}

// Due returns the timer to be enforced that is due at now, and notes nothing.
func (s *Session) Due(r *Rules, now deadline.Instant) (deadline.Timer, deadline.Instant) {
	t, at := s.NextTimer(r)
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
	watched := s.watched()
	for {
		t, at := watched.Earliest(&r.Observed, s.unwatched(r))
		if at > now {
			return seen
		}
		s.Events.Observed = s.Events.Observed.With(t)
		if t != deadline.ReadDeadline || !s.MayBeAnswered(r) {
			seen = seen.With(t)
		}
	}
}

// watched returns the events as the timers of a dry run see them.
func (s *Session) watched() deadline.Events {
	e := s.Events
	e.ReplyEnd = s.observedReplyEnd
	return e
}

// IdleWaits reports whether idle_timeout, enforced or watched, would be due at now if it waited for nothing.
func (s *Session) IdleWaits(r *Rules, now deadline.Instant) bool {
	return s.Events.IdleDue(&r.Enforced) <= now || r.DryRun && s.observedIdleDue(r) <= now
}

func (s *Session) observedIdleDue(r *Rules) deadline.Instant {
	watched := s.watched()
	return watched.IdleDue(&r.Observed)
}

func (s *Session) unwatched(r *Rules) deadline.Set { return r.NotSeen | s.Events.Observed }

// done returns the timers that have had their effect.
func (s *Session) done() deadline.Set {
	if s.ReadClosed {
		return deadline.Set(0).With(deadline.ReadDeadline)
	}
	return 0
}

// MayBeAnswered reports whether the client has finished sending, so that read_deadline need not end the session: by FIN
// or, where messages have boundaries, by standing at one after at least one message, with an upstream that can answer.
func (s *Session) MayBeAnswered(r *Rules) bool {
	f := &s.Flows[Client]
	return f.FIN || r.Bounded && f.Messages > 0 && f.Parse.AtBoundary() && !s.Flows[Upstream].Passed
}

// CloseRead notes that read_deadline has passed for a client that may still be answered.
func (s *Session) CloseRead(now deadline.Instant) {
	s.ReadClosed = true
	s.Events.Pause(now)
}
