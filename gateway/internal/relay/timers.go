package relay

import (
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/wheel"
)

// timers is the part of a loop that knows when to look at each of its connections next, and does what its timers are there for.
type timers struct {
	loop   *Loop        // set once
	wheel  *wheel.Wheel // of slots
	due    []int32      // slots whose timers are due and not handled yet
	dueBuf []int32      // what due is part of
}

// dueBatch is how many connections whose timers are due are handled before others have their turn.
const dueBatch = 128

// expire handles the timers that are due, and leaves what is too much to the next turn.
func (ts *timers) expire() {
	if len(ts.due) == 0 {
		ts.due = ts.wheel.Expire(int64(ts.loop.now), ts.dueBuf[:0])
		ts.dueBuf = ts.due
	}
	now := ts.due[:min(dueBatch, len(ts.due))]
	if len(now) > 0 {
		ts.loop.act()
	}
	ts.due = ts.due[len(now):]
	for _, slot := range now {
		if c := ts.loop.slab.at(slot); c.phase != vacant {
			ts.loop.tick()
			ts.onDue(c)
		}
	}
}

// rearm makes sure that the session's timers are looked at in time. A later instant is left to the wheel to find out.
func (ts *timers) rearm(c *conn) {
	if at := ts.dueAt(c); at != deadline.Never {
		ts.lookBy(c, at)
	}
}

// lookBy makes sure that c is looked at by an instant.
func (ts *timers) lookBy(c *conn, by deadline.Instant) {
	if set, ok := ts.wheel.At(c.slot); !ok || int64(by) < set {
		ts.wheel.Set(c.slot, int64(by))
	}
}

// dueAt returns when c must be looked at next.
func (ts *timers) dueAt(c *conn) deadline.Instant {
	if c.phase == closing {
		return c.lookAt.at(ts.loop.now)
	}
	at := c.session.Next(c.rules())
	if ts.loop.drain.Draining() || c.draining != session.Open {
		at = min(at, ts.loop.drain.at(c))
	}
	return min(at, c.slowedUntil(), c.lookAt.at(ts.loop.now), c.closeEnd.at(ts.loop.now), c.settles.at(ts.loop.now))
}

// onDue looks at a connection whose slot of the wheel has come up. Mostly something has happened since it was put there,
// and it is only put where it now belongs.
func (ts *timers) onDue(c *conn) {
	if c.isPostponed() {
		ts.loop.memory.resume(c)
	}
	if c.slowedUntil() <= ts.loop.now && c.isOpen() {
		ts.loop.readSlowed(c)
	}
	if c.phase == vacant {
		return
	}
	if c.settles.at(ts.loop.now) <= ts.loop.now {
		ts.loop.connector.settled(c)
	}
	if c.lookAt.at(ts.loop.now) <= ts.loop.now && c.phase == relaying {
		ts.loop.writeAgain(c)
		if c.phase != relaying {
			return
		}
	}
	if ts.dueAt(c) > ts.loop.now {
		ts.rearm(c)
		return
	}
	if c.phase == closing {
		ts.loop.closer.onDue(c)
		return
	}
	if c.closeEnd.at(ts.loop.now) <= ts.loop.now {
		ts.loop.end(c, c.goneFor(session.Client))
		return
	}
	ts.lookOnce(c)
	if c.phase == closing || c.phase == vacant {
		return
	}
	ts.observe(c)
	if t, at := c.session.Due(c.rules(), ts.loop.now); t != deadline.None {
		ts.fire(c, t, at)
		return
	}
	if ts.loop.drain.at(c) <= ts.loop.now {
		ts.drainDue(c)
		return
	}
	ts.rearm(c)
}

// fire does what the timer t, due since at, is there for.
func (ts *timers) fire(c *conn, t deadline.Timer, at deadline.Instant) {
	count := ts.loop.of(c.route.RouteStats) // before the end, which may free c
	switch t.Action() {
	case deadline.Ask:
		ts.loop.inserter.ask(c)
		return
	case deadline.Retry:
		if !ts.retryAfter(c, t) {
			return // another endpoint is tried, or failed otherwise
		}
	case deadline.StopReading:
		if ts.mayBeAnswered(c) {
			ts.closeRead(c)
			return
		}
		ts.loop.end(c, session.Ends(t))
	default:
		ts.loop.end(c, session.Ends(t))
	}
	if t == deadline.ProbeTimeout {
		count.Probes[ledger.Unanswered]++
	}
	count.Timeouts[t][ledger.Closed]++
	count.CountLate(ts.loop.now.Since(at))
}

// retryAfter tries another endpoint after the attempt that t has given up. It reports whether t has ended the session: there was no
// other, or it was the client who took its time. An attempt that has an answer is not given up, late as the loop hears of that.
func (ts *timers) retryAfter(c *conn, t deadline.Timer) (ended bool) {
	switch {
	case t == deadline.Connect && ts.loop.connector.answered(c):
		return false
	case t == deadline.Connect:
		return ts.loop.connector.retry(c, problem(reactor.TimedOut)) == session.ConnectTimeout
	case c.phase == dialling:
		return ts.loop.connector.retry(c, handshakeTimedOut) == session.TLSHandshakeTimeout
	}
	ts.loop.end(c, session.Ends(t))
	return true
}
