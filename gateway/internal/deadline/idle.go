package deadline

import "time"

// From when idle_timeout counts depends on its duration: it waits for a lasting message to the client, and then counts from
// its end, only if it is due while that is under way.
//
//	      message to the client
//	Reset ───────█████████████────────────────────►
//	├─ 5s ─┤                                         due before: does not wait
//	├────── 15s ──────┤     ├────── 15s ──────┤      due within: counts from the end
//	├────────────── 30s ──────────────┤              due after: does not wait
//
// While a reply is owed idle_timeout does not run at all, and then it counts from the end of that, whatever its duration.
//
// IdleFrom has the outcome for the duration in force and is kept up message by message. For another duration that takes
// over, ReplyBegan and Replied remember the lasting messages to the client since the client spoke, as if they were one. Of
// one message that is exact. Where there were several, and the new duration ends in a gap between them, idle_timeout fires
// no later than that duration after the last: to know more, all of them would have to be kept, and firing early is worse.

// Reset returns the instant of the read clock of the last message that restarts idle_timeout, at first the accept.
func (e *Events) Reset() Instant {
	switch {
	case e.ResetOn&ResetOnUpstream == 0:
		return e.ClientSpoke
	case e.ResetOn&ResetOnClient == 0:
		return e.UpstreamSpoke
	}
	return max(e.ClientSpoke, e.UpstreamSpoke)
}

// ReplyMoves notes that bytes of a lasting message to the client move at now. If none was under way, this one began at the
// instant of the read clock began.
func (e *Events) ReplyMoves(began, now Instant) {
	if e.ReplyMoved == 0 && e.Replied <= e.ClientSpoke {
		e.ReplyBegan = began
	}
	e.ReplyMoved, e.KernelPending = now, false
}

// ReplyDrains notes that nothing but what the kernel holds is under way of a lasting message to the client, of which bytes moved
// last at moved. The kernel was looked at at now, and mark grows as the client acknowledges.
func (e *Events) ReplyDrains(mark uint32, moved, now Instant) {
	e.ReplyMoved, e.KernelPending, e.DrainMark, e.ClientWaits.Polled = moved, true, mark, now
}

// ReplyEnds notes that the lasting message to the client was over at end. If an idle_timeout of d has waited for it, that
// counts from there.
func (e *Events) ReplyEnds(d time.Duration, end Instant) {
	e.Replied = e.ReadClock(end)
	if e.IdleEnds(d) <= e.Replied { // not having fired, it waited for this one
		e.IdleFrom = e.Replied
	}
	if e.ReplyMoved, e.DrainMark = 0, 0; e.KernelPending {
		e.KernelPending, e.ClientWaits.Polled = false, 0
	}
}

// Recount finds out from when an idle_timeout of d counts that takes over from another, or is restarted by others. A message
// to the client that is under way then is waited for, though the timer may have been due before it began.
func (e *Events) Recount(d time.Duration) {
	e.IdleFrom = max(e.Reset(), e.paid())
	if due := e.IdleEnds(d); e.ReplyBegan <= due && due <= e.Replied {
		e.IdleFrom = e.Replied
	}
}

// IdleEnds returns the instant of the read clock at which an idle_timeout of d is due if it waits for nothing. Off, it never is.
func (e *Events) IdleEnds(d time.Duration) Instant {
	if d == 0 {
		return Never
	}
	return e.IdleFrom.After(d)
}

// IdlePast reports whether an idle_timeout of d is due or would be, if it waited for nothing and the client were read.
func (e *Events) IdlePast(d time.Duration, now Instant) bool {
	return !e.ClientFIN && !e.Owing() && e.IdleEnds(d) <= e.ReadClock(now)
}

// IdleDue returns when idle_timeout would be due if it waited for nothing that is under way now.
func (e *Events) IdleDue(d *Durations) Instant {
	idle := e.IdleValue(d)
	if idle == 0 || e.ClientFIN {
		return Never
	}
	return e.real(e.IdleFrom, idle)
}

// Idle adds to IdleDue what idle_timeout waits for: a reply that is owed, a client message within its message_timeout, and a
// lasting message to the client whose bytes move. They move while the last of them is no longer past than the policy lets a
// write stand still.
func (e *Events) Idle(d *Durations) Instant {
	due := e.IdleDue(d)
	if due == Never || e.Owing() {
		return Never
	}
	if message := e.Due(Message, d); message != Never {
		due = max(due, message+1) // message_timeout itself comes first
	}
	if e.ReplyMoved != 0 {
		due = max(due, e.ReplyMoved.After(e.stall(d)))
	}
	return due
}

// stall is how long the bytes of a message to the client may stand still before the message counts as stuck:
// write_timeout, or idle_timeout where that is off.
func (e *Events) stall(d *Durations) time.Duration {
	if d[ClientWrite] != 0 {
		return d[ClientWrite]
	}
	return e.IdleValue(d)
}

// LookAtDrain returns when to look next whether the client has all of a message for which idle_timeout waits, Never if it
// waits for none. It is soon enough to find out both in time: that all has been acknowledged, since idle_timeout counts from
// then, and that nothing moves any more. Where a message has restarted idle_timeout meanwhile, that is when it is due again, too.
func (e *Events) LookAtDrain(d *Durations) Instant {
	idle, looked := e.IdleValue(d), e.ClientWaits.Polled
	switch {
	case !e.KernelPending || e.ClientFIN || idle == 0:
		return Never
	case looked < e.ReplyMoved:
		return e.ReplyMoved
	}
	next := looked.After(max(min(e.stall(d), idle)/looks, time.Millisecond))
	if due := e.IdleDue(d); due > looked {
		next = min(next, due)
	}
	return next
}

// Silence returns for how long there has been at now what an idle_timeout of any duration counts as silence: since the last
// resetting message, the end of a lasting one to the client, or that of a reply that was owed. While one of these is under way
// there is none.
func (e *Events) Silence(now Instant) time.Duration {
	if e.ReplyMoved != 0 || e.Owing() {
		return 0
	}
	return max(0, e.ReadClock(now).Since(max(e.Reset(), e.Replied, e.paid())))
}
