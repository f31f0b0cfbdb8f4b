// Package wheel keeps the timers of one event loop: at most one instant for each of its session slots.
//
// A Wheel starts nothing by itself. The loop asks Next how long it may sleep and calls Expire when it wakes:
//
//	w := wheel.New(now)
//	w.Set(id, now+90e9)            // in 90 s; setting it again moves it
//	next, ok := w.Next()           // sleep until next, or for ever
//	due = w.Expire(now, due[:0])   // those whose instant has come, and no others
//
// Setting, moving and clearing cost a few nanoseconds however many timers there are, and nothing is allocated once the
// highest id has been seen. No timer comes early, not by a nanosecond: slots only sort, instants decide.
//
// Instants are monotonic nanoseconds. A Wheel belongs to one goroutine.
package wheel

import "math/bits"

// The layout. An instant's upper 44 bits are its tick, and a tick is read as eight digits of six bits, one for each level:
//
//	bits of the instant   63-62    61-56    ...   31-26              25-20               19-0
//	                      level 7  level 6  ...   level 1            level 0             within a tick
//	                      4 slots  64       ...   64 slots of 67 ms  64 slots of 1.05 ms
//
// A timer lives on the level of the highest digit in which its tick differs from the wheel's, in the slot which that digit
// names. Hence everything on a level is earlier than all on the levels above it, slots of a level are in the order of time,
// and the earliest timer is in the first occupied slot of the first occupied level: two bitmaps find it. When the wheel's
// tick moves, the slots it passes are due as a whole, and the one slot it moves into is sorted again: what is later goes to
// a lower level, so that a timer is touched once for each level and never for time that passes.
//
// The tick moves only when something is due. Nothing has to be woken for the sake of the layout.
const (
	tickShift  = 20 // a tick is 2^20 ns
	digitBits  = 6  // 64 slots a level, so that a bitmap of them is one word
	levelCount = 8  // eight digits hold the 44 bits of any tick: no instant is out of reach
	slotCount  = levelCount << digitBits
)

// Wheel is a set of timers. Use New.
type Wheel struct {
	tick     uint64             // all timers in earlier ticks are in the slot of this one
	count    int                // timers that are set
	nodes    []node             // id's is nodes[id+1]; nodes[0] is nobody's, so that 0 can end a list
	levels   uint8              // bit l: level l has an occupied slot
	occupied [levelCount]uint64 // bit i of word l: slot i of level l has timers
	slots    [slotCount]slot    // of level l from l<<digitBits on
}

// node is a timer: 16 bytes for each session of the loop. Which slot it is in follows from its instant and the wheel's tick.
type node struct {
	at   int64
	next int32 // index of a node, last, or notSet
	prev int32 // index of a node, 0: it is the first
}

const (
	notSet = 0
	last   = -1
)

// slot is a list of timers.
type slot struct {
	min   int64 // none is earlier; exact until one is removed, and again once the slot was sorted or emptied
	first int32 // index of a node, 0: empty
}

// New returns an empty wheel. It works best when now is the loop's present instant, and correctly with any.
func New(now int64) *Wheel {
	return &Wheel{tick: tickOf(now), nodes: make([]node, 1)}
}

// Set schedules id for the instant at, or moves it there. An instant that has passed is due at the next Expire.
// Ids are slot numbers, 0 or more: memory is taken for all up to the highest.
func (w *Wheel) Set(id int32, at int64) {
	i := id + 1
	if missing := int(i) + 1 - len(w.nodes); missing > 0 {
		w.nodes = append(w.nodes, make([]node, missing)...)
	}
	if w.nodes[i].next != notSet {
		w.unlink(i)
	}
	w.nodes[i].at = at
	w.link(i)
}

// Clear removes id's timer, if it has one.
func (w *Wheel) Clear(id int32) {
	if _, ok := w.At(id); ok {
		w.unlink(id + 1)
	}
}

// At returns the instant that id is scheduled for, and whether it is.
func (w *Wheel) At(id int32) (int64, bool) {
	i := int(id) + 1
	if i >= len(w.nodes) || w.nodes[i].next == notSet {
		return 0, false
	}
	return w.nodes[i].at, true
}

// Len returns how many timers are set.
func (w *Wheel) Len() int { return w.count }

// Next returns an instant before which nothing is due, false if no timer is set. It is the earliest timer's, unless that
// one was cleared or moved: then it may be the removed instant until an Expire at or after it, which puts the bound right.
func (w *Wheel) Next() (at int64, ok bool) {
	if w.levels == 0 {
		return 0, false
	}
	level := bits.TrailingZeros8(w.levels)
	return w.slots[level<<digitBits|bits.TrailingZeros64(w.occupied[level])].min, true
}

// Expire removes the timers whose instant is now or earlier and appends their ids to due, those of earlier slots first
// and in no order within a slot. Its cost depends on the timers it meets and not on the time since the last call.
// A now before that of an earlier call is harmless.
func (w *Wheel) Expire(now int64, due []int32) []int32 {
	tick := max(tickOf(now), w.tick)
	next, ok := w.Next()
	if !ok {
		w.tick = tick
		return due
	}
	if next > now {
		return due
	}
	top := levelOf(tick ^ w.tick)
	w.tick = tick
	for level := range top {
		due = w.sort(level, ^uint64(0), now, due)
	}
	upToTick := uint64(2)<<digit(tick, top) - 1
	return w.sort(top, upToTick, now, due)
}

// sort empties the slots of a level that are in the mask: what is due goes to due, what is later is linked again.
func (w *Wheel) sort(level int, mask uint64, now int64, due []int32) []int32 {
	for rest := w.occupied[level] & mask; rest != 0; rest &= rest - 1 {
		s := level<<digitBits | bits.TrailingZeros64(rest)
		i := w.slots[s].first
		w.vacate(s)
		for i != last {
			n := &w.nodes[i]
			next := n.next
			w.count--
			if n.at > now {
				w.link(i)
			} else {
				n.next = notSet
				due = append(due, i-1)
			}
			i = next
		}
	}
	return due
}

// link puts node i, which is in no list, at the head of the list of its instant's slot.
func (w *Wheel) link(i int32) {
	n := &w.nodes[i]
	s := w.slotOf(n.at)
	list := &w.slots[s]
	n.next, n.prev = list.first, 0
	if list.first == 0 {
		level := s >> digitBits
		w.levels |= 1 << level
		w.occupied[level] |= 1 << (s % (1 << digitBits))
		list.min, n.next = n.at, last
	} else {
		list.min = min(list.min, n.at)
		w.nodes[list.first].prev = i
	}
	list.first = i
	w.count++
}

// unlink takes node i out of its list. The slot's min stays, though it may have been this node's: looking for the next
// would mean to walk the list, and the price of not looking is one idle wake-up at most.
func (w *Wheel) unlink(i int32) {
	n := &w.nodes[i]
	if n.next != last {
		w.nodes[n.next].prev = n.prev
	}
	switch s := w.slotOf(n.at); {
	case n.prev != 0:
		w.nodes[n.prev].next = n.next
	case n.next == last:
		w.vacate(s)
	default:
		w.slots[s].first = n.next
	}
	n.next = notSet
	w.count--
}

// slotOf returns the index of the slot in which a timer is that is set for at. It stays true while the tick moves: what would be in
// another slot then is sorted again when it does.
func (w *Wheel) slotOf(at int64) int {
	tick := max(tickOf(at), w.tick)
	level := levelOf(tick ^ w.tick)
	return level<<digitBits | digit(tick, level)
}

// vacate marks slot s as empty.
func (w *Wheel) vacate(s int) {
	w.slots[s].first = 0
	level := s >> digitBits
	w.occupied[level] &^= 1 << (s % (1 << digitBits))
	if w.occupied[level] == 0 {
		w.levels &^= 1 << level
	}
}

// tickOf maps all instants, those before 0 included, to 0..2^44-1 in their order.
func tickOf(at int64) uint64 { return (uint64(at) ^ 1<<63) >> tickShift }

// levelOf returns the number of the highest digit in which two ticks differ, given their exclusive or.
func levelOf(difference uint64) int { return (bits.Len64(difference|1) - 1) / digitBits }

// digit returns the digit of tick that names the slot on a level.
func digit(tick uint64, level int) int {
	return int(tick >> (level * digitBits) % (1 << digitBits))
}
