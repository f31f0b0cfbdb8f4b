package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// With connect_on: first_message what the client sends waits in the upstream's outbox until a message is whole; only then an
// upstream connection is made. A first message of more than Route.Hold bytes is too large.
//
// Who has a part of a message must not wait for memory that others have who wait, too. Therefore all but one of them leave as
// much as a first message may have, and that one goes on until its message is whole.

// await holds what came before the first message was whole.
func (l *Loop) await(c *conn, b []byte) {
	if !c.upstream.pending.add(l.pool, b) { // holdRoom keeps a reserve, so that this does not happen
		l.end(c, session.InternalError)
	}
}

// awaited connects upstream when a message is whole. One that the gateway answers itself is none for the upstream.
func (l *Loop) awaited(c *conn, whole uint64) {
	c.lookAt = 0
	if whole > 0 {
		l.cfg.Budget.finished(c.id)
		l.connector.dial(c)
		return
	}
	if l.holdLeft(c) <= 0 {
		l.end(c, session.MessageTooLarge)
	}
}

// holdLeft is how much more of a first message its route lets it have.
func (l *Loop) holdLeft(c *conn) int { return c.route.Hold - c.upstream.pending.size() }

// hasRoom reports whether c may be read.
func (l *Loop) hasRoom(c *conn) bool {
	return l.holdLeft(c) > 0 && (c.upstream.pending.room() > 0 || l.mayGrow(c))
}

// holdRoom is how much the next read of a first message that has room may bring. It is more than nothing, though another loop may
// have taken the memory since: a byte of the reserve does no harm, where a read into no bytes would look like a FIN.
func (l *Loop) holdRoom(c *conn) int {
	most := readSize
	if !l.mayGrow(c) {
		most = max(1, c.upstream.pending.room())
	}
	return min(l.holdLeft(c), most)
}

// mayGrow reports whether c may take memory for what the next read brings.
func (l *Loop) mayGrow(c *conn) bool {
	budget := l.cfg.Budget
	spare := budget.limit.Load() - budget.Used() - reserve(len(l.cfg.Admission.loops))
	if spare < 0 {
		return false
	}
	return spare >= int64(c.route.Hold) || budget.finish(c.id)
}

// noRoom follows a read of a first message that was not made.
func (l *Loop) noRoom(c *conn) {
	if l.holdLeft(c) <= 0 { // since an edit
		l.end(c, session.MessageTooLarge)
		return
	}
	l.postpone(c)
}

const (
	// postponed is for how long a client is not read for whose first message there is no memory.
	postponed = 100 * time.Millisecond
	// evictAfter is for how long one that has a part of its message waits for memory before it gives back what it has. Its timers,
	// which would end it, stand still.
	evictAfter = 10 * time.Second
)

// postpone leaves the client unread until others have given memory back. Its timers stand still.
func (l *Loop) postpone(c *conn) {
	if c.phase == awaiting && !c.upstream.pending.empty() {
		if c.lookAt == 0 {
			c.lookAt = soonAt(l.now.After(evictAfter))
		}
		if c.lookAt.at(l.now) <= l.now {
			l.end(c, session.Evicted)
			return
		}
	}
	c.session.Events.Pause(deadline.PauseMemory, l.now)
	if at, ok := l.wheel.At(c.slot); !ok || at > int64(l.now.After(postponed)) {
		l.wheel.Set(c.slot, int64(l.now.After(postponed)))
	}
}

// isPostponed reports whether the client is not read for want of memory.
func (c *conn) isPostponed() bool { return c.session.Events.Pauses().Has(deadline.PauseMemory) }

// resume reads a postponed client again.
func (l *Loop) resume(c *conn) {
	c.session.Events.Resume(deadline.PauseMemory, l.now)
	l.pumpBoth(c)
	if c.phase == awaiting && !c.isPostponed() {
		c.lookAt = 0 // it waits for no memory
	}
}
