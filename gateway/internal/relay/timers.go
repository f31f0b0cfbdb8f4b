package relay

import (
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// dueAt returns when c must be looked at next.
func (l *Loop) dueAt(c *conn) deadline.Instant {
	if c.phase == closing {
		return c.lookAt.at(l.now)
	}
	at := c.session.Next(c.rules())
	if l.drain.Draining() || c.draining != session.Open {
		at = min(at, l.drainAt(c))
	}
	return min(at, c.slowedUntil(), c.lookAt.at(l.now), c.closeEnd.at(l.now), c.settles.at(l.now))
}

// onDue looks at a connection whose slot of the wheel has come up. Mostly something has happened since it was put there,
// and it is only put where it now belongs.
func (l *Loop) onDue(c *conn) {
	if c.isPostponed() {
		l.resume(c)
	}
	if c.slowedUntil() <= l.now && c.isOpen() {
		l.readSlowed(c)
	}
	if c.phase == vacant {
		return
	}
	if c.settles.at(l.now) <= l.now {
		l.connector.settled(c)
	}
	if c.lookAt.at(l.now) <= l.now && c.phase == relaying {
		l.writeAgain(c)
		if c.phase != relaying {
			return
		}
	}
	if l.dueAt(c) > l.now {
		l.rearm(c)
		return
	}
	if c.phase == closing {
		l.closer.onDue(c)
		return
	}
	if c.closeEnd.at(l.now) <= l.now {
		l.end(c, c.goneFor(session.Client))
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
	if l.drainAt(c) <= l.now {
		l.drainDue(c)
		return
	}
	l.rearm(c)
}

// lookOnce looks at what the kernel knows and we do not, before a timer may fire: bytes that a peer has acknowledged have
// moved, and bytes that lie in a socket came in time.
func (l *Loop) lookOnce(c *conn) {
	for side := range session.Sides {
		if c.phase == relaying || side == session.Client { // who waits for answers before there is an upstream
			l.lookAtWrites(c, side)
		}
	}
	for heard := session.SideSet(0); l.hear(c, &heard); { // what one side says may leave it to the other
	}
}

// hear reads the sides that have not been heard yet of those from which a timer that is due needs to know whether they have
// spoken. It reports whether there were any.
func (l *Loop) hear(c *conn, heard *session.SideSet) (again bool) {
	if c.phase == closing || c.phase == vacant {
		return false
	}
	unheard := c.session.Unheard(c.rules(), l.now)
	for side := range session.Sides {
		if unheard.Has(side) && !heard.Has(side) && c.phase != closing && c.phase != vacant {
			*heard, again = heard.With(side), true
			l.readUp(c, side)
		}
	}
	return again
}

// readUp reads as many bytes as lie in side's socket when it is called, and finds a FIN behind them. One that goes on sending
// does not hold a timer up by more than the reads of a turn.
func (l *Loop) readUp(c *conn, side session.Side) {
	leg := c.leg(side)
	if leg.fd < 0 || side == session.Client && c.session.Events.Paused() {
		return
	}
	leg.readable, leg.urgent = true, true // the edge of a mark may not have been collected
	flow := c.session.Flow(side.Sends())
	end := flow.Bytes + uint64(reactor.Unread(int(leg.fd)))
	for c.mayRead(side) {
		before := flow.Bytes
		l.pump(c, side.Sends())
		if flow.Bytes >= end || flow.Bytes == before {
			return
		}
	}
}

// lookAtWrites finds out whether side has acknowledged something since the last look.
func (l *Loop) lookAtWrites(c *conn, side session.Side) {
	switch {
	case c.leg(side).hasPending():
		l.lookAtWaiting(c, side)
	case side == session.Client && (c.session.Events.KernelPending || c.session.IdleWaits(c.rules(), l.now)):
		l.lookAtReply(c)
	}
}

// lookAtWaiting finds out whether side, which does not take what waits for it, has acknowledged something of what it took.
func (l *Loop) lookAtWaiting(c *conn, side session.Side) {
	leg := c.leg(side)
	unacked := uint32(reactor.ProgressOf(int(leg.fd)).Unacked)
	if unacked < leg.unacked {
		c.session.Took(c.rules(), side, uint64(leg.unacked-unacked), l.now)
	} else {
		c.session.Polled(side, l.now)
	}
	leg.unacked = unacked
}

// lookAtReply finds out whether the kernel still holds something of a message to the client, for which idle_timeout waits.
func (l *Loop) lookAtReply(c *conn) {
	p := reactor.ProgressOf(int(c.client.fd))
	l.tick() // LastAck is told as of now
	if p.Unacked == 0 {
		c.session.AllAcked(c.rules(), p.Mark, p.LastAck, l.now)
		return
	}
	c.session.Unacked(p.Mark, p.LastAck, l.now)
}

// observe counts the timers of a dry run.
func (l *Loop) observe(c *conn) {
	seen := c.session.Observe(c.rules(), l.now)
	if seen == 0 {
		return
	}
	for t := deadline.None + 1; t < deadline.Count; t++ {
		if !seen.Has(t) || t == deadline.ReadDeadline && l.mayBeAnswered(c) {
			continue
		}
		l.count(c).Timeouts[t][ledger.Observed]++
		if t == deadline.IdleTimeout {
			l.count(c).DryRunIdle++
		}
		l.cfg.Reporter.Observed(Observed{ID: c.id, Route: c.route, Client: c.clientAddr.address(), Timer: t, At: l.now, Age: c.session.Age(l.now)})
	}
}

// resumed notes that a client spoke after a silence for which a dry run had counted it as ended.
func (l *Loop) resumed(c *conn, silence time.Duration) {
	count := l.count(c)
	count.FalseCuts++
	count.Advice[advice.IdleTimeout].Spoke(silence)
	l.cfg.Reporter.Resumed(Resumed{ID: c.id, Route: c.route, Client: c.clientAddr.address(), At: l.now, Silence: silence})
}

// fire does what the timer t, due since at, is there for.
func (l *Loop) fire(c *conn, t deadline.Timer, at deadline.Instant) {
	count := l.of(c.route.RouteStats) // before the end, which may free c
	switch t.Action() {
	case deadline.Ask:
		l.inserter.ask(c)
		return
	case deadline.Retry:
		if !l.retryAfter(c, t) {
			return // another endpoint is tried, or failed otherwise
		}
	case deadline.StopReading:
		if l.mayBeAnswered(c) {
			l.closeRead(c)
			return
		}
		l.end(c, session.Ends(t))
	default:
		l.end(c, session.Ends(t))
	}
	if t == deadline.ProbeTimeout {
		count.Probes[ledger.Unanswered]++
	}
	count.Timeouts[t][ledger.Closed]++
	count.CountLate(l.now.Since(at))
}

// retryAfter tries another endpoint after the attempt that t has given up. It reports whether t has ended the session: there was no
// other, or it was the client who took its time.
func (l *Loop) retryAfter(c *conn, t deadline.Timer) (ended bool) {
	switch {
	case t == deadline.Connect:
		return l.connector.retry(c, problem(reactor.TimedOut)) == session.ConnectTimeout
	case c.phase == dialling:
		return l.connector.retry(c, handshakeTimedOut) == session.TLSHandshakeTimeout
	}
	l.end(c, session.Ends(t))
	return true
}

// mayBeAnswered reports whether the client has finished sending, what lies unread in its socket included.
func (l *Loop) mayBeAnswered(c *conn) bool {
	leg := &c.client
	k, unread := c.keptOf(protocol.FromClient), l.unread(c)
	switch {
	case unread == 0 && !k.rest:
		return c.session.MayBeAnswered(c.rules()) || leg.readToEOF
	case leg.readToEOF || c.isTLS(session.Client): // what TLS hides is judged when it can be read
		return true
	}
	buf := l.buf
	if size := len(k.buf) + unread; size > len(buf) {
		buf = make([]byte, size) // it cannot be looked at a part at a time, and is no more than a receive buffer
	}
	at := copy(buf, k.buf)
	if unread > 0 {
		n, errno := l.peek(c, session.Client, buf[at:])
		if errno != 0 {
			return false
		}
		at += n
	}
	return c.session.WouldBeAnswered(c.rules(), buf[:at])
}

// unread returns how many bytes the client has sent that the gateway has not read, since it does not read the client. (Where
// it does it has read up.)
func (l *Loop) unread(c *conn) int {
	if leg := &c.client; leg.fd >= 0 && c.session.Events.Paused() {
		return reactor.Unread(int(leg.fd))
	}
	return 0
}

// closeRead reads the client no more, once what it had sent in time has been read.
func (l *Loop) closeRead(c *conn) {
	if c.session.Events.Paused() && (l.unread(c) > 0 || c.client.readToEOF || c.keptOf(protocol.FromClient).rest) {
		c.session.OweRead()
	} else {
		c.session.CloseRead(l.now)
	}
	l.rearm(c)
}
