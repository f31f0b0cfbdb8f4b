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
	if len(b) > 0 && !l.holdMore(c, b) {
		return
	}
	if c.session.Flows[session.Client].Messages > 0 {
		l.dial(c)
		return
	}
	if l.holdRoom(c) == 0 {
		l.end(c, session.MessageTooLarge)
	}
}

// holdMore adds b to what is held for the upstream, in a larger piece if need be.
func (l *Loop) holdMore(c *conn, b []byte) bool {
	leg := &c.legs[session.Upstream]
	if p := leg.held; p != nil && len(p.buf)-p.to >= len(b) {
		p.to += copy(p.buf[p.to:], b)
		return true
	}
	need := len(b)
	if leg.held != nil {
		need += leg.held.to
	}
	p := l.pool.get(need)
	if p == nil { // postpone keeps a reserve, so that this does not happen
		l.end(c, session.InternalError)
		return false
	}
	if leg.held != nil {
		p.to = copy(p.buf, leg.held.bytes())
		l.pool.put(leg.held)
	}
	p.to += copy(p.buf[p.to:], b)
	leg.held = p
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
