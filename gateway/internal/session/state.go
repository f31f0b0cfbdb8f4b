package session

import (
	"time"

	"idlegate/gateway/internal/deadline"
)

// TimerState is how one timer of a session stands.
type TimerState struct {
	Timer    deadline.Timer
	Value    time.Duration // 0: off
	Standing deadline.Standing
	Since    deadline.Instant // what it counts from; 0: nothing has started it
	Cause    string           // what that was
	Due      deadline.Instant // Never: it does not run
	Waits    string           // what it waits for once it is due; "": nothing
	Choice   Choice           // of an idle_timeout that may be negotiated, which of its values this is

	// In a dry run.
	DryRun    time.Duration    // 0: it is in none
	DryRunDue deadline.Instant // Never: it does not run, or has been counted
	Counted   bool             // since it was started last
}

// Timers returns how all timers stand, in the order that decides between two that are due at once.
func (s *Session) Timers(r *Rules) (all []TimerState) {
	inDryRun := s.eventsOfDryRun()
	for t := deadline.None + 1; t < deadline.Count; t++ {
		state := TimerState{Timer: t, Value: r.Enforced[t], Standing: s.Events.Standing(t, &r.Enforced), Due: deadline.Never}
		if t == deadline.IdleTimeout {
			state.Value = s.Events.IdleValue(&r.Enforced)
			if r.Negotiated.On {
				_, state.Choice = r.Negotiated.Of(s.Talk.Keepalive())
			}
		}
		if s.done().Has(t) {
			state.Standing = deadline.Over
		}
		if state.Standing == deadline.Running {
			state.Due = s.dueOf(t, r)
		}
		if state.Standing == deadline.Running || state.Standing == deadline.Still {
			state.Since, state.Cause = s.Events.Since(t)
		}
		if t == deadline.IdleTimeout && state.Standing == deadline.Running {
			state.Waits = s.idleWaitsFor(r)
		}
		if state.DryRun = s.dryRunValue(r, t); state.DryRun > 0 {
			state.DryRunDue, state.Counted = inDryRun.Due(t, &r.Observed), s.Events.Observed.Has(t)
			if state.Counted {
				state.DryRunDue = deadline.Never
			}
		}
		all = append(all, state)
	}
	return all
}

// dryRunValue returns the value by which a dry run counts t for this connection, 0 if none does.
func (s *Session) dryRunValue(r *Rules, t deadline.Timer) time.Duration {
	if d := r.DryRunValue(t); d != deadline.Negotiated {
		return d
	}
	return s.Events.IdleValue(&r.Observed)
}

// idleWaitsFor says what idle_timeout would wait for.
func (s *Session) idleWaitsFor(r *Rules) string {
	switch {
	case s.Events.Owing():
		return "a reply that is owed"
	case s.Events.ReplyMoved != 0:
		return "a message to the client that is under way"
	case s.Events.MessageBegan != 0 && r.Enforced[deadline.Message] > 0:
		return "a message of the client that is under way, within its message_timeout"
	}
	return ""
}
