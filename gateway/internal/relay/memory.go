package relay

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// memory is the part of a loop that asks the budget before a read, and leaves a client unread for which there is none.
type memory struct {
	// Set once.
	loop      *Loop
	budget    *Budget
	admission *Admission // knows how many loops share the budget
}

// isScarce reports whether a read must not bring more than the other side takes: always before another read of each
// loop could spend the budget.
func (m *memory) isScarce() bool {
	return m.budget.Used()+reserve(len(m.admission.loops)) > m.budget.limit.Load()
}

// mayPipe reports whether all loops could hold what a pipe carries and still have what they keep in reserve.
func (m *memory) mayPipe() bool {
	loops := len(m.admission.loops)
	return m.budget.Used()+reserve(loops)+pipeSize*int64(loops) <= m.budget.limit.Load()
}

// mayGrow reports whether c, which waits for its first message, may take memory for what the next read brings. Who has a part of a message
// must not wait for memory that others have who wait, too: all but one of them leave as much as a first message may have, and that one
// goes on until its message is whole.
func (m *memory) mayGrow(c *conn) bool {
	spare := m.budget.limit.Load() - m.budget.Used() - reserve(len(m.admission.loops))
	if spare < 0 {
		return false
	}
	return spare >= int64(c.route.Hold) || m.budget.finish(c.id)
}

const (
	// postponed is for how long a client is not read for whose first message there is no memory.
	postponed = 100 * time.Millisecond
	// evictAfter is for how long one that has a part of its message waits for memory before it gives back what it has. Its timers,
	// which would end it, stand still.
	evictAfter = 10 * time.Second
)

// postpone leaves the client unread until others have given memory back. Its timers stand still.
func (m *memory) postpone(c *conn) {
	if c.phase == awaiting && !c.upstream.pending.empty() {
		if c.lookAt == 0 {
			c.lookAt = soonAt(m.loop.now.After(evictAfter))
		}
		if c.lookAt.at(m.loop.now) <= m.loop.now {
			m.loop.end(c, session.Evicted)
			return
		}
	}
	c.session.Events.Pause(deadline.PauseMemory, m.loop.now)
	m.loop.timers.lookBy(c, m.loop.now.After(postponed))
}

// isPostponed reports whether the client is not read for want of memory.
func (c *conn) isPostponed() bool { return c.session.Events.Pauses().Has(deadline.PauseMemory) }

// resume reads a postponed client again.
func (m *memory) resume(c *conn) {
	c.session.Events.Resume(deadline.PauseMemory, m.loop.now)
	m.loop.pumpBoth(c)
	if c.phase == awaiting && !c.isPostponed() {
		c.lookAt = 0 // it waits for no memory
	}
}
