package relay

import (
	"slices"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// With on_full: evict_idlest the connection whose client has been silent for longest makes room for a new one. It is found without a
// look at all connections in one turn: when none is known every loop looks at some of its slots in each of its turns, and keeps the
// idlest that it meets. These are then evicted one after the other, from the idlest on, unless their clients have spoken since.
//
//	full ──► look (every loop, idleSlots a turn) ──► idlest, sorted ──► evict one ──► a place is free ──► full ...

const (
	idleSlots = 256 // that a loop looks at in one turn
	idlest    = 64  // connections of each loop that one look finds
)

// idle is a connection that may be evicted.
type idle struct {
	loop  *Loop
	token uint64
	since deadline.Instant // its client's last message
}

func byIdleness(a, b idle) int { return int(min(1, max(-1, a.since-b.since))) }

// eviction is owned by the loop that accepts.
type eviction struct {
	known   []idle // sorted, the idlest last
	looking int    // loops whose look is under way
	asked   bool   // one is being evicted
}

// evict makes room, or begins to.
func (a *acceptor) evict() {
	e := &a.eviction
	if e.asked || e.looking > 0 || a.loop.drain.Draining() {
		return
	}
	if len(e.known) == 0 {
		a.lookForIdle()
		return
	}
	next := e.known[len(e.known)-1]
	e.known = e.known[:len(e.known)-1]
	e.asked = true
	if !next.loop.Post(func() {
		evicted := next.loop.evictIdle(next)
		a.loop.Post(func() { a.evicted(evicted) })
	}) {
		e.asked = false // it has failed; the gateway is about to stop
	}
}

// evicted goes on with the next where the last has spoken since it was found. Else its place is free: who was to have it is accepted.
func (a *acceptor) evicted(one bool) {
	a.eviction.asked = false
	if !one && a.paused && a.loop.cfg.Admission.OnFull() == EvictIdlest {
		a.evict()
	}
}

// lookForIdle makes every loop look for its idlest connections.
func (a *acceptor) lookForIdle() {
	for _, l := range a.loop.cfg.Admission.loops {
		found := make([]idle, 0, idlest)
		if l.Post(func() { l.lookIdle(0, found, func(all []idle) { a.loop.Post(func() { a.foundIdle(all) }) }) }) {
			a.eviction.looking++
		}
	}
}

func (a *acceptor) foundIdle(all []idle) {
	e := &a.eviction
	e.known = append(e.known, all...)
	if e.looking--; e.looking > 0 {
		return
	}
	slices.SortFunc(e.known, func(x, y idle) int { return byIdleness(y, x) })
	if len(e.known) > 0 && a.paused { // else all that is open is being closed, and somebody leaves soon
		a.evict()
	}
}

// lookIdle looks at some slots from the first on, and at the others in the turns after this.
func (l *Loop) lookIdle(first int32, found []idle, done func([]idle)) {
	end := int32(len(l.slab.chunks) * slabChunk)
	next := min(end, first+idleSlots)
	for slot := first; slot < next; slot++ {
		if c := l.slab.at(slot); c.isOpen() {
			found = keepIdlest(found, idle{l, c.token(session.Client), c.session.LastMessage})
		}
	}
	if next == end || !l.Post(func() { l.lookIdle(next, found, done) }) {
		done(found)
	}
}

// keepIdlest adds one to those that were found, sorted from the idlest on, and drops what is too much.
func keepIdlest(found []idle, one idle) []idle {
	at, _ := slices.BinarySearchFunc(found, one, byIdleness)
	switch {
	case len(found) < idlest:
	case at == len(found):
		return found
	default:
		found = found[:idlest-1]
	}
	return slices.Insert(found, at, one)
}

// evictIdle ends a connection, unless its client has spoken since it was found.
func (l *Loop) evictIdle(one idle) bool {
	l.tick()
	c, _ := l.slab.find(one.token)
	if c == nil || !c.isOpen() || c.session.LastMessage != one.since {
		return false
	}
	c.marks |= resetsAtOnce
	l.end(c, session.Evicted)
	return true
}
