package relay

import "idlegate/gateway/internal/session"

// With connect_on: first_message what the client sends waits in the upstream's outbox until a message is whole; only then an
// upstream connection is made. A first message of more than Route.Hold bytes is too large.

// holder is the part of a loop that holds it.
type holder struct{ loop *Loop }

// hold holds what came before the first message was whole.
func (e *holder) hold(c *conn, b []byte) {
	if !c.upstream.pending.add(e.loop.pool, b) { // room keeps a reserve, so that this does not happen
		e.loop.end(c, session.InternalError)
	}
}

// awaited connects upstream when a message is whole. One that the gateway answers itself is none for the upstream.
func (e *holder) awaited(c *conn, whole uint64) {
	c.lookAt = 0
	if whole > 0 {
		e.loop.memory.budget.finished(c.id)
		e.loop.connector.dial(c)
		return
	}
	if c.holdLeft() <= 0 {
		e.loop.end(c, session.MessageTooLarge)
	}
}

// holdLeft is how much more of a first message its route lets it have.
func (c *conn) holdLeft() int { return c.route.Hold - c.upstream.pending.size() }

// hasRoom reports whether c may be read.
func (e *holder) hasRoom(c *conn) bool {
	return c.holdLeft() > 0 && (c.upstream.pending.room() > 0 || e.loop.memory.mayGrow(c))
}

// room is how much the next read of a first message that has room may bring. It is more than nothing, though another loop may
// have taken the memory since: a byte of the reserve does no harm, where a read into no bytes would look like a FIN.
func (e *holder) room(c *conn) int {
	most := readSize
	if !e.loop.memory.mayGrow(c) {
		most = max(1, c.upstream.pending.room())
	}
	return min(c.holdLeft(), most)
}

// noRoom follows a read of a first message that was not made.
func (e *holder) noRoom(c *conn) {
	if c.holdLeft() <= 0 { // since an edit
		e.loop.end(c, session.MessageTooLarge)
		return
	}
	e.loop.memory.postpone(c)
}
