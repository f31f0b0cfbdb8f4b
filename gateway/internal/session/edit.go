package session

import (
	"time"

	"idlegate/gateway/internal/deadline"
)

// ApplyRules makes an open session follow other rules from now on; their framers must be those it had. All its timers are measured
// from the same events as before. What the edit alone has made overdue ends the session within grace, at the share of it
// that is given in 1/65536; what was due anyway, or becomes due later, is not put off. A dry run counts again what is in it
// with another value.
//
// Next may be sooner than it was, and a client may have to be read again that ReadClosed said was not.
func (s *Session) ApplyRules(old, edited *Rules, now deadline.Instant, grace time.Duration, share uint16) {
	before, reset := s.overdue(old, now), s.Events.Reset()
	idle := s.Events.IdleValue(&old.Enforced)
	s.Events.ResetOn = edited.ResetOn
	s.Talk.Follow(edited.Protocol)
	s.followEdited(edited)
	s.followPace(old, edited, now)
	s.recount(old, edited, idle, s.Events.Reset() != reset)
	s.redraw(old, edited, share)
	s.readAgain(edited, now)
	s.grace(before, s.overdue(edited, now), now, now.After(time.Duration(float64(grace)*float64(share)/65536)))
}

// overdue returns the timers to be enforced that are due at now, or would be if the client were read.
func (s *Session) overdue(r *Rules, now deadline.Instant) (due deadline.Set) {
	e := s.Events
	e.ResumeAll(now)
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if e.Due(t, &r.Enforced) <= now && !s.done().Has(t) {
			due = due.With(t)
		}
	}
	return due
}

// recount makes timers count by their new values where these do not follow from the events alone. had is what idle_timeout was,
// and moved says that it has been restarted by another message than it was before.
func (s *Session) recount(old, edited *Rules, had time.Duration, moved bool) {
	const idle = deadline.IdleTimeout
	if has := s.Events.IdleValue(&edited.Enforced); moved || had != has {
		s.Events.Recount(has)
	}
	value := s.Events.IdleValue(&edited.Observed)
	if d := s.Events.Detail; d != nil && (moved || !old.DryRun || old.Observed[idle] != edited.Observed[idle] || edited.Observed[idle] == deadline.Negotiated) {
		inDryRun := s.eventsOfDryRun()
		inDryRun.Recount(value)
		d.ObservedIdleFrom = inDryRun.IdleFrom
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if old.DryRunValue(t) != edited.DryRunValue(t) || moved && t == idle {
			s.Events.Observed = s.Events.Observed.Without(t)
		}
	}
}

// DryRunValue returns the value by which a dry run counts t, 0 if none does.
func (r *Rules) DryRunValue(t deadline.Timer) time.Duration {
	if !r.DryRun || r.NotSeen.Has(t) {
		return 0
	}
	return r.Observed[t]
}

// redraw makes what jitter takes off max_lifetime follow an edited jitter. What was drawn is kept; if there was no jitter,
// nothing was, and it is share.
func (s *Session) redraw(old, edited *Rules, share uint16) {
	e := &s.Events
	switch old.Jitter {
	case edited.Jitter:
	case 0:
		e.Lifetime = uint16(uint32(share) * uint32(edited.Jitter) >> 16)
	default:
		e.Lifetime = uint16(uint32(e.Lifetime) * uint32(edited.Jitter) / uint32(old.Jitter))
	}
}

// readAgain reads a client again whose read_deadline had passed, if by the new rules it has not. It is as if it never had.
func (s *Session) readAgain(r *Rules, now deadline.Instant) {
	if s.Events.Due(deadline.ReadDeadline, &r.Enforced) <= now {
		return
	}
	s.readOwed = false
	s.Events.Resume(deadline.PauseReadDeadline, now)
}

// grace puts off until then the timers that are due now and were not before. What an earlier edit has made overdue, and has
// still put off, is not put off for longer.
func (s *Session) grace(before, due deadline.Set, now, until deadline.Instant) {
	s.graced &= before & due
	if s.until <= now {
		s.graced = 0
	}
	fresh := due &^ before
	if fresh == 0 {
		return
	}
	if s.graced != 0 {
		until = min(until, s.until)
	}
	s.graced, s.until = s.graced|fresh, until
}
