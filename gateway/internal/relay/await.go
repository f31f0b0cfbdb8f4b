package relay

import (
	"time"

	"idlegate/gateway/internal/session"
)

// With connect_on: first_message what the client sends is held until a message is whole; only then an upstream connection
// is made. A first message larger than one piece is too large.

// holdRoom is how much more of a first message can be held.
func (l *Loop) holdRoom(c *conn) int {
	return readSize - c.legs[session.Upstream].pending.size()
}

// await holds what came before the first message was whole, and connects upstream when it is.
func (l *Loop) await(c *conn, b []byte) {
	whole := c.session.Flows[session.Client].Messages > 0
	if !c.legs[session.Upstream].pending.add(l.pool, b) { // pumpScarce keeps a reserve, so that this does not happen
		l.end(c, session.InternalError)
		return
	}
	if whole {
		l.dial(c)
		return
	}
	if l.holdRoom(c) == 0 {
		l.end(c, session.MessageTooLarge)
	}
}

// postponed is for how long a client is not read for whose first message there is no memory.
const postponed = 100 * time.Millisecond

// postpone leaves the client unread until others have given memory back. Its timers stand still.
func (l *Loop) postpone(c *conn) {
	c.postponed = true
	c.session.Events.Pause(l.now)
	if at, ok := l.wheel.At(c.slot); !ok || at > int64(l.now.After(postponed)) {
		l.wheel.Set(c.slot, int64(l.now.After(postponed)))
	}
}

// resume reads a postponed client again.
func (l *Loop) resume(c *conn) {
	c.postponed = false
	c.session.Events.Resume(l.now)
	l.pumpBoth(c)
}
