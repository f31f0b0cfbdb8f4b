package relay

// backlog is the connections that have more to read than one turn allows. conn.queued says that one is in it.
type backlog struct {
	slots []int32
	spare []int32 // what take has returned, to be used again
}

// add puts c in, once.
func (q *backlog) add(c *conn) {
	if !c.queued {
		c.queued = true
		q.slots = append(q.slots, c.slot)
	}
}

// take empties it. A slot of what it returns may be vacant by then, or another connection's: those are not queued.
func (q *backlog) take() []int32 {
	q.slots, q.spare = q.spare[:0], q.slots
	return q.spare
}
