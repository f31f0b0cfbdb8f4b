package relay

import (
	"idlegate/gateway/internal/deadline"
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
	if !answers {
		l.answered(c)
		return
	}
	if of, ok := c.rules().Protocol.(protocol.Answerer); ok {
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
	l.sent(c, session.Client, l.sendOwn(c, session.Client, b))
	if leg.pending.empty() {
		return
	}
	c.answers = uint16(min(int(c.answers)+len(b), 1<<16-1))
	if c.isOpen() && c.isGlutted() {
		c.session.Events.Pause(deadline.PauseAnswers, l.now)
	}
}

// isGlutted reports whether more answers wait for the client than may while it is read.
func (c *conn) isGlutted() bool { return c.answers > answersWaiting }

// tookAnswers notes that no answer waits for the client any more.
func (l *Loop) tookAnswers(c *conn) {
	c.answers = 0
	if !c.session.Events.Pauses().Has(deadline.PauseAnswers) {
		return
	}
	c.client.readable = true // there may be a rest of what was read
	c.session.Events.Resume(deadline.PauseAnswers, l.now)
}
