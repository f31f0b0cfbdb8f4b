package relay

import (
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// Heartbeats that the gateway answers. The answers of one read are gathered in a buffer of the loop's and sent together. A client
// that does not take them is read no more until it has, or one read of heartbeats could make any number of them.

const (
	answersTogether = 4 << 10 // bytes of answers that are sent at once
	answersWaiting  = 4 << 10 // bytes of answers that may wait for a client that is read
)

// swallow is told of a message of side that is not passed on: a heartbeat to be answered, or the answer to a probe.
func (l *Loop) swallow(c *conn, message []byte, answers bool) {
	if of, ok := c.rules().Protocol.(protocol.Answerer); ok && answers {
		l.answers = of.Answer(l.answers, message)
	}
	if len(l.answers) >= answersTogether {
		l.sendAnswers(c)
	}
}

// sendAnswers sends the client what has been gathered.
func (l *Loop) sendAnswers(c *conn) {
	b := l.answers
	l.answers = b[:0]
	leg := &c.client
	if len(b) == 0 || !c.isOpen() || leg.failed || c.session.FromUpstream.Passed {
		return // there is nobody to be told
	}
	l.sent(c, session.Client, leg.pending.sendOwn(l.pool, int(leg.fd), b))
	if leg.pending.empty() {
		return
	}
	leg.answers = uint16(min(int(leg.answers)+len(b), 1<<16-1))
	if c.isOpen() && leg.glutted() {
		c.session.Events.Pause(l.now)
	}
}

// glutted reports whether more answers wait for this peer, a client, than may while it is read.
func (leg *leg) glutted() bool { return leg.answers > answersWaiting }

// tookAnswers notes that the client has taken all that waited for it.
func (l *Loop) tookAnswers(c *conn) {
	leg := &c.client
	glutted := leg.glutted()
	leg.answers = 0
	if !glutted {
		return
	}
	leg.readable = true // there may be a rest of what was read
	l.readClientAgain(c)
}

// readClientAgain lets the timers of the client's silence run again, unless the client is still not read.
func (l *Loop) readClientAgain(c *conn) {
	switch up := &c.upstream; {
	case c.session.ReadClosed || c.postponed || c.client.glutted():
	case c.phase == relaying && (up.hasPending() || up.failed), c.phase == dialling:
	default:
		c.session.Events.Resume(l.now)
	}
}
