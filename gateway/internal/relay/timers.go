package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// dueAt returns when c must be looked at next.
func (l *Loop) dueAt(c *conn) deadline.Instant {
	if c.phase == closing {
		return c.lookAt
	}
	at := c.session.Next(c.rules())
	if l.drain.on || c.leaving != session.Open {
		at = min(at, l.orderFor(c).at(c))
	}
	if c.lookAt != 0 {
		at = min(at, c.lookAt)
	}
	if c.young {
		at = min(at, c.session.Events.Accepted.After(youth))
	}
	return at
}

// onDue looks at a connection whose slot of the wheel has come up. Mostly something has happened since it was put there,
// and it is only put where it now belongs.
func (l *Loop) onDue(c *conn) {
	if c.postponed {
		l.resume(c)
	}
	if c.phase == vacant {
		return
	}
	if c.young && c.session.Events.Accepted.After(youth) <= l.now {
		l.comeOfAge(c)
	}
	if c.lookAt != 0 && c.lookAt <= l.now && c.phase == relaying {
		l.offerAgain(c)
		if c.phase != relaying {
			return
		}
	}
	if l.dueAt(c) > l.now {
		l.rearm(c)
		return
	}
	if c.phase == closing {
		l.closeOn(c)
		return
	}
	l.lookOnce(c)
	if c.phase == closing || c.phase == vacant {
		return
	}
	l.observe(c)
	if t, at := c.session.Due(c.rules(), l.now); t != deadline.None {
		l.fire(c, t, at)
		return
	}
	if leave := l.orderFor(c); leave.at(c) <= l.now {
		l.leaveDue(c, leave)
		return
	}
	l.rearm(c)
}

// lookOnce looks at what the kernel knows and we do not, before a timer may fire: bytes that the client has sent came in
// time, and bytes that a peer has acknowledged have moved.
func (l *Loop) lookOnce(c *conn) {
	l.readUp(c)
	for side := session.Client; side <= session.Upstream; side++ {
		if c.phase == relaying {
			l.lookAtWrites(c, side)
		}
	}
}

// readUpTurns bounds readUp to 8 MiB, more than the kernel lets a receive buffer grow to.
const readUpTurns = 8 << 20 / (turnReads * readSize)

// readUp reads all that the client had sent when it is called, but not for ever where it goes on sending.
func (l *Loop) readUp(c *conn) {
	if c.legs[session.Client].fd < 0 || c.session.Events.Paused() {
		return
	}
	c.legs[session.Client].readable = true
	for range readUpTurns {
		if !c.mayRead(session.Client) {
			return
		}
		l.pump(c, session.Client)
	}
}

// lookAtWrites finds out whether side has acknowledged something since the last look.
func (l *Loop) lookAtWrites(c *conn, side session.Side) {
	switch {
	case c.legs[side].waited():
		l.lookAtWaiting(c, side)
	case side == session.Client && (c.session.Events.Draining || c.session.IdleWaits(c.rules(), l.now)):
		l.lookAtReply(c)
	}
}

// lookAtWaiting finds out whether side, which does not take what waits for it, has acknowledged something of what it took.
func (l *Loop) lookAtWaiting(c *conn, side session.Side) {
	leg := &c.legs[side]
	unacked := uint32(reactor.ProgressOf(int(leg.fd)).Unacked)
	if unacked < leg.unsent {
		c.session.Moved(side, l.now)
	} else {
		c.session.Looked(side, l.now)
	}
	leg.unsent = unacked
}

// lookAtReply finds out whether the kernel still holds something of a message to the client, for which idle_timeout waits.
func (l *Loop) lookAtReply(c *conn) {
	p := reactor.ProgressOf(int(c.legs[session.Client].fd))
	l.tick() // LastAck is told as of now
	if p.Unacked == 0 {
		c.session.Drained(c.rules(), p.LastAck, l.now)
		return
	}
	c.session.Draining(p.Mark, p.LastAck, l.now)
}

// observe counts the timers of a dry run.
func (l *Loop) observe(c *conn) {
	seen := c.session.Observe(c.rules(), l.now)
	if seen == 0 {
		return
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if !seen.Has(t) {
			continue
		}
		l.count(c).Timeouts[t][Watched]++
		if t == deadline.IdleTimeout {
			l.count(c).Rehearsed++
		}
		l.cfg.Reporter.Observed(Observed{ID: c.id, Route: c.route, Client: c.client.address(), Timer: t, At: l.now, Age: c.session.Age(l.now)})
	}
}

// spokeAgain notes that a client spoke after a silence for which a dry run had counted it as ended.
func (l *Loop) spokeAgain(c *conn, silence time.Duration) {
	l.count(c).Silences.Spoke(silence)
	l.cfg.Reporter.SpokeAgain(SpokeAgain{ID: c.id, Route: c.route, Client: c.client.address(), At: l.now, Silence: silence})
}

// fire does what the timer t, due since at, is there for.
func (l *Loop) fire(c *conn, t deadline.Timer, at deadline.Instant) {
	count := l.count(c)
	switch {
	case t == deadline.Connect:
		if l.retry(c, reactor.TimedOut) != session.ConnectTimeout {
			return // another endpoint is tried, or failed otherwise
		}
	case t == deadline.ReadDeadline && c.session.MayBeAnswered(c.rules()):
		c.session.CloseRead(l.now)
		l.rearm(c)
		return
	default:
		l.end(c, session.Ends(t))
	}
	count.Timeouts[t][Closed]++
	count.Lateness.Observe(l.now.Since(at))
}
