package relay

import (
	"time"

	"idlegate/gateway/internal/session"
)

// With connect_on: first_message what the client sends is held until a message is whole; only then an upstream connection
// is made. A first message larger than one piece is too large.

// holdRoom is how much more of a first message can be held.
func (l *Loop) holdRoom(c *conn) int {
	if p := c.legs[session.Upstream].held; p != nil {
		return readSize - p.to
	}
	return readSize
}

// await holds what came before the first message was whole, and connects upstream when it is.
func (l *Loop) await(c *conn, b []byte) {
	whole := c.session.Flows[session.Client].Messages > 0
	if len(b) > 0 && !l.holdFirst(c, b, whole) {
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

// holdFirst adds b to what is held for the upstream. A message that is not whole gets room for all that it may become:
// who holds memory must not wait for more of it.
func (l *Loop) holdFirst(c *conn, b []byte, whole bool) bool {
	leg := &c.legs[session.Upstream]
	if leg.held == nil {
		need := readSize
		if whole {
			need = len(b)
		}
		leg.held = l.pool.get(need)
	}
	if leg.held == nil { // postpone keeps a reserve, so that this does not happen
		l.end(c, session.InternalError)
		return false
	}
	leg.held.to += copy(leg.held.buf[leg.held.to:], b)
	return true
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
