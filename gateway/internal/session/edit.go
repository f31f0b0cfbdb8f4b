package session

import (
	"time"

	"idlegate/gateway/internal/deadline"
)

// spared are the timers that were overdue the moment an edited policy came into force. They fire a while later, lest one
// edit end many connections in one instant; one that has been restarted since then fires when it is due.
type spared struct {
	edited deadline.Instant
	after  uint32 // milliseconds from then until they fire
	timers deadline.Set
}

func (s *spared) until() deadline.Instant {
	return s.edited.After(time.Duration(s.after) * time.Millisecond)
}

// Judge has an open session obey other rules from now on. All its timers are measured from the same events as before. What
// the edit alone has made overdue ends the session within grace, at the share of it that is given in 1/65536. A dry run
// counts anew what it watches with another value.
func (s *Session) Judge(old, edited *Rules, now deadline.Instant, grace time.Duration, share uint16) {
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if old.Watched(t) != edited.Watched(t) {
			s.Events.Observed = s.Events.Observed.Without(t)
		}
	}
	s.readAgain(edited, now)
	before := s.spared
	s.spared = spared{edited: now, after: uint32(grace.Seconds() * 1000 * float64(share) / 65536)}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if s.Events.Due(t, &edited.Enforced) > now {
			continue
		}
		if before.timers.Has(t) && before.until() > now { // a second edit grants no second delay
			s.spared.after = min(s.spared.after, uint32(before.until().Since(now)/time.Millisecond))
			s.spared.timers = s.spared.timers.With(t)
		} else if s.Events.Due(t, &old.Enforced) > now {
			s.spared.timers = s.spared.timers.With(t)
		}
	}
}

// Watched returns the value with which a dry run watches t, 0 if none does.
func (r *Rules) Watched(t deadline.Timer) time.Duration {
	if !r.DryRun || r.NotSeen.Has(t) {
		return 0
	}
	return r.Observed[t]
}

// readAgain reads a client again whose read_deadline had passed, if by the new rules it has not.
func (s *Session) readAgain(r *Rules, now deadline.Instant) {
	if !s.ReadClosed || s.Events.Due(deadline.ReadDeadline, &r.Enforced) <= now {
		return
	}
	s.ReadClosed = false
	if s.Events.UpstreamWaits.Moved == 0 && s.Events.ConnectBegan == 0 {
		s.Events.Resume(now)
	}
}

// NextTimer returns the timer to be enforced that ends the session next as it stands, and when. None and Never: no timer
// runs.
func (s *Session) NextTimer(r *Rules) (deadline.Timer, deadline.Instant) {
	first, at := s.Events.Earliest(&r.Enforced, s.done()|s.spared.timers)
	if s.spared.timers == 0 {
		return first, at
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if !s.spared.timers.Has(t) || s.done().Has(t) {
			continue
		}
		due := s.Events.Due(t, &r.Enforced)
		if due <= s.spared.edited {
			due = s.spared.until()
		}
		if due < at || due == at && t < first {
			first, at = t, due
		}
	}
	return first, at
}
