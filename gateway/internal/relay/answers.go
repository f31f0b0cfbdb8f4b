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

// inserter is the part of a loop that sends a client bytes of the gateway's own: answers to heartbeats, probes, farewells.
type inserter struct {
	loop     *Loop  // set once
	gathered []byte // answers to heartbeats, and probes, until they are sent
	room     []byte // for a farewell
}

// swallow takes a message that is not passed on: a heartbeat to be answered, or the answer to a probe.
func (in *inserter) swallow(c *conn, message []byte, answers bool) {
	if !answers {
		in.answered(c)
		return
	}
	if of, ok := c.rules().Protocol.(protocol.Answerer); ok {
		in.gathered = of.Answer(in.gathered, message)
	}
	if len(in.gathered) >= answersTogether {
		in.send(c)
	}
}

// send sends the client what has been gathered.
func (in *inserter) send(c *conn) {
	b := in.gathered
	in.gathered = b[:0]
	leg := &c.client
	if len(b) == 0 || !c.isOpen() || leg.failed || c.session.FromUpstream.Passed {
		return // there is nobody to be told
	}
	in.loop.sent(c, session.Client, in.loop.sendOwn(c, session.Client, b))
	if leg.pending.empty() {
		return
	}
	in.queued(c, len(b))
}

// queued notes how many bytes of answers have been queued for the client, who is read no more while there are too many.
func (in *inserter) queued(c *conn, bytes int) {
	c.answers = uint16(min(int(c.answers)+bytes, 1<<16-1))
	if c.isOpen() && c.isGlutted() {
		c.session.Events.Pause(deadline.PauseAnswers, in.loop.now)
	}
}

// isGlutted reports whether more answers wait for the client than may while it is read.
func (c *conn) isGlutted() bool { return c.answers > answersWaiting }

// taken notes that no answer waits for the client any more.
func (in *inserter) taken(c *conn) {
	c.answers = 0
	if !c.session.Events.Pauses().Has(deadline.PauseAnswers) {
		return
	}
	c.client.readable = true // there may be a rest of what was read
	c.session.Events.Resume(deadline.PauseAnswers, in.loop.now)
}
