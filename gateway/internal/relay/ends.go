package relay

import (
	"syscall"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// How one side's end reaches the other. Each end has its place in the stream: it is acted on when reading comes upon it, behind
// all that the side had sent.
//
//	found by                        what it says              then
//	a read of 0                     FIN                       onFIN: passed on when nothing is held for the other side
//	a read that fails               reset, or lost            broken: the session ends, and the other side is reset
//	a write that fails, EPOLLERR    the side takes no more    stopWriting: the other side is read no more, this one to its end

// ends is the part of a loop that passes them on.
type ends struct{ loop *Loop }

// onFIN passes the FIN of a direction on, once what came before it has been taken.
func (e *ends) onFIN(c *conn, from protocol.Direction) {
	c.session.Finished(from, e.loop.now)
	if from == protocol.FromUpstream {
		c.use.Finished()
	}
	if c.phase == awaiting { // no whole message has come, and none will
		e.loop.end(c, session.ClientFIN)
		return
	}
	e.loop.timers.rearm(c)
	if c.receiver(from).pending.empty() {
		e.passFIN(c, from)
	}
}

func (e *ends) passFIN(c *conn, from protocol.Direction) {
	if side := session.Receiver(from); !e.loop.tls.sayClosed(c, side) {
		e.loop.waitFor(c, side) // it is passed on when that has been taken
		return
	}
	if !c.session.Flow(from.Other()).Passed { // else both are closed now, which says the same
		_ = reactor.CloseWrite(int(c.receiver(from).fd)) // a peer that is gone shows as such by itself
	}
	c.session.FINPassed(from, e.loop.now)
	if c.sender(from).failed { // it takes no answer
		c.session.End(c.session.Reset(session.Sender(from)), e.loop.now)
	}
	if c.session.Reason != session.Open {
		e.loop.end(c, c.session.Reason)
	}
}

// broken ends the session because reading has come upon the end of side's stream, and it was no FIN.
func (e *ends) broken(c *conn, side session.Side, errno syscall.Errno) {
	leg := c.leg(side)
	leg.keep(errno)
	leg.failed = true
	e.loop.end(c, c.goneFor(side))
}

// onFailed hears that side's socket has an error, unless a call has told it before.
func (e *ends) onFailed(c *conn, side session.Side) {
	if errno := reactor.TakeError(int(c.leg(side).fd)); errno != 0 {
		e.stopWriting(c, side, errno)
	}
}

// writeFailed ends what is written to side.
func (e *ends) writeFailed(c *conn, side session.Side, errno syscall.Errno) {
	if reactor.IsOwn(errno) {
		e.loop.end(c, session.InternalError)
		return
	}
	e.stopWriting(c, side, errno)
}

// stopWriting notes that side takes nothing more. What it sent before is still passed on, and only its end says how it has ended.
func (e *ends) stopWriting(c *conn, side session.Side, errno syscall.Errno) {
	leg := c.leg(side)
	leg.keep(errno)
	if leg.failed || !c.isOpen() {
		return
	}
	leg.failed, leg.readable, leg.readToEOF = true, true, true
	if c.phase == relaying || side == session.Client {
		e.loop.closer.dropPending(leg)
		leg.unbuffered = false
		c.session.Drained(c.rules(), side, e.loop.now)
	}
	if side == session.Client {
		e.loop.inserter.taken(c) // there are none for it any more
	}
	if c.isOver(side) {
		e.loop.end(c, c.goneFor(side))
		return
	}
	if side == session.Upstream {
		c.session.Events.Pause(deadline.PauseUpstreamGone, e.loop.now) // there is nobody to read the client for
	} else {
		c.closeEnd = soonAt(e.loop.now.After(closeStep))
	}
	e.loop.timers.rearm(c)
	if c.mayRead(side) {
		e.loop.backlog.add(c)
	}
}

// isOver reports whether nothing is left to be passed on from side, which takes nothing more.
func (c *conn) isOver(side session.Side) bool {
	flow := c.session.Flow(side.Sends())
	switch {
	case c.leg(side.Other()).failed:
		return true
	case c.phase == dialling:
		return c.upstream.pending.empty() && !c.isHeld() && reactor.Unread(int(c.leg(side).fd)) == 0
	case side == session.Client && c.session.ReadClosed():
		return true
	}
	return flow.FIN && flow.Passed
}
