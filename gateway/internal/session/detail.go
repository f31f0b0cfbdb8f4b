package session

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// Negotiated says what idle_timeout is for a connection whose ends agree on a keepalive.
type Negotiated struct {
	On        bool
	Min, Max  time.Duration // 0: no bound
	Otherwise time.Duration // where they agree on none; 0: off
}

// Choice says which of its values an idle_timeout is that may be negotiated.
type Choice uint8

const (
	Fixed     Choice = iota // it is not negotiated
	Agreed                  // what the two ends agreed on
	AtLeast                 // they agreed on less than the policy's min, which counts
	AtMost                  // they agreed on more than the policy's max, which counts
	Otherwise               // they agreed on none, or have not yet
)

// String returns the word that operators read; "" for one that is fixed.
func (c Choice) String() string {
	return [...]string{"", "agreed", "min", "max", "otherwise"}[c]
}

// Of returns the idle_timeout of a connection whose ends have agreed on a keepalive, 0 for none.
func (n Negotiated) Of(agreed time.Duration) (time.Duration, Choice) {
	switch {
	case agreed == 0:
		return n.Otherwise, Otherwise
	case agreed < n.Min:
		return n.Min, AtLeast
	case n.Max > 0 && agreed > n.Max:
		return n.Max, AtMost
	}
	return agreed, Agreed
}

// Standard returns an idle_timeout of r as it is for connections that have agreed on none.
func (r *Rules) Standard(idle time.Duration) time.Duration {
	if idle == deadline.Negotiated {
		return r.Negotiated.Otherwise
	}
	return idle
}

// detailed reports whether sessions under r need a deadline.Detail from the start.
func (r *Rules) detailed() bool {
	return r.Pairs || r.Heartbeats || r.DryRun || r.Negotiated.On || r.Enforced[deadline.ProbeAfter] > 0 || r.Enforced[deadline.HeartbeatOnly] > 0
}

// Follow makes a session that was just accepted follow r.
func (s *Session) Follow(r *Rules) {
	if r.detailed() {
		s.Events.Detailed().Idle, _ = r.Negotiated.Of(s.Talk.Keepalive())
	}
	if r.paced() {
		s.Events.BeginPace(s.Events.Accepted)
	}
}

// followEdited makes an open session follow other rules, as far as its detail goes.
func (s *Session) followEdited(r *Rules) {
	if r.detailed() {
		s.Events.Detailed()
	}
	d := s.Events.Detail
	if d == nil {
		return
	}
	d.Idle, _ = r.Negotiated.Of(s.Talk.Keepalive())
	d.AskFrom = 0 // what could not be asked before may be asked now
	if r.Enforced[deadline.ProbeTimeout] == 0 {
		d.Awaited = 0
	}
}

// noteDetail notes what was received in a direction for the timers that need a Detail. It reports whether one may be due
// sooner than before.
func (s *Session) noteDetail(r *Rules, from protocol.Direction, got *Receipt, now deadline.Instant) (sooner bool) {
	d := s.Events.Detail
	if r.Negotiated.On {
		sooner = s.negotiate(r)
	}
	if got.Messages == 0 {
		return sooner
	}
	if from == protocol.FromClient {
		s.clientIsThere(d, got, now)
		sooner = sooner || d.Awaited != 0
		d.Awaited = 0
	}
	if r.Pairs {
		sooner = s.notePairs(r, from, now) || sooner
	}
	return sooner
}

// clientIsThere notes messages of the client for the timers that they restart.
func (s *Session) clientIsThere(d *deadline.Detail, got *Receipt, now deadline.Instant) {
	if got.Messages > got.Heartbeats {
		d.Data = s.Events.ReadClock(now)
		s.started(deadline.HeartbeatOnly)
	}
	s.started(deadline.ProbeAfter)
	s.started(deadline.IdleInTransaction)
	if d.AskFrom != deadline.Never {
		d.AskFrom = 0
	}
}

// negotiate makes idle_timeout follow what the two ends have agreed on so far.
func (s *Session) negotiate(r *Rules) (changed bool) {
	d := s.Events.Detail
	idle, _ := r.Negotiated.Of(s.Talk.Keepalive())
	if idle == d.Idle {
		return false
	}
	d.Idle = idle
	s.recountIdle(r)
	return true
}

// recountIdle finds out from when idle_timeout counts after its value has changed.
func (s *Session) recountIdle(r *Rules) {
	s.Events.Recount(s.Events.IdleValue(&r.Enforced))
	inDryRun := s.eventsOfDryRun()
	inDryRun.Recount(s.Events.IdleValue(&r.Observed))
	s.Events.Detail.ObservedIdleFrom = inDryRun.IdleFrom
	s.started(deadline.IdleTimeout)
}

// notePairs notes whether a reply is owed after messages in a direction, and whether the client stands in a transaction.
func (s *Session) notePairs(r *Rules, from protocol.Direction, now deadline.Instant) (sooner bool) {
	d, stood := s.Events.Detail, s.Events.Detail.InTransaction
	owed := protocol.Owes(r.Protocol, &s.Talk)
	switch {
	case owed && d.Owed == 0:
		s.silenceSoFar = max(s.silenceSoFar, spanOf(s.Events.Silence(now)))
		d.Owed, sooner = now, true
		s.started(deadline.Reply)
	case owed && from == protocol.FromUpstream:
		d.Owed = now
		s.started(deadline.Reply)
	case !owed && d.Owed != 0:
		s.paid(now)
		sooner = true
	}
	if d.InTransaction = protocol.InTransaction(r.Protocol, &s.Talk); d.InTransaction && !stood {
		s.started(deadline.IdleInTransaction)
		sooner = true
	}
	return sooner
}

// paid notes that the reply that was owed has ended, from which idle_timeout counts.
func (s *Session) paid(now deadline.Instant) {
	d, at := s.Events.Detail, s.Events.ReadClock(now)
	d.Owed, d.Paid = 0, at
	s.Events.IdleFrom = max(s.Events.IdleFrom, at)
	d.ObservedIdleFrom = max(d.ObservedIdleFrom, at)
	s.graced = s.graced.Without(deadline.Reply).Without(deadline.IdleTimeout)
}

// askAgain returns after how long a probe is tried again that could not be sent.
func askAgain(after time.Duration) time.Duration {
	return min(max(after/8, 10*time.Millisecond), time.Second)
}

// Ask appends to dst the question whether the client is there, which is due. It appends nothing where the answer to an earlier
// one is still to come and must come first, and where none can be sent now: then it is due again a while later.
func (s *Session) Ask(r *Rules, now deadline.Instant, dst []byte) []byte {
	d, at := s.Events.Detail, s.Events.ReadClock(now)
	if d.Asked != 0 && !protocol.AsksAgain(r.Protocol) {
		d.Awaited = at
		s.started(deadline.ProbeTimeout)
		return dst
	}
	prober, ok := r.Protocol.(protocol.Prober)
	if !ok || !protocol.Asks(r.Protocol) || s.Talk.Opaque() {
		d.AskFrom = deadline.Never
		return dst
	}
	asked := prober.Probe(&s.Talk, dst)
	if len(asked) == len(dst) {
		s.AskLater(r, now)
		return dst
	}
	d.Asked, d.Awaited, d.AskFrom = at, at, 0
	s.started(deadline.ProbeTimeout)
	return asked
}

// AskLater puts off a probe that is due and cannot be sent now.
func (s *Session) AskLater(r *Rules, now deadline.Instant) {
	s.Events.Detail.AskFrom = s.Events.ReadClock(now).After(askAgain(r.Enforced[deadline.ProbeAfter]))
}

// Answered notes that the answer to a probe has come, and returns how long the client took for it. Time in which it was not read does not
// count. It reports false for one to an earlier probe than the last: how long that took is not known.
func (s *Session) Answered(now deadline.Instant) (took time.Duration, known bool) {
	d := s.Events.Detail
	if d == nil || d.Asked == 0 || s.Talk.Asked() != protocol.AskedNothing {
		return 0, false
	}
	took = s.Events.ReadClock(now).Since(d.Asked)
	d.Asked, d.Awaited = 0, 0
	return took, true
}
