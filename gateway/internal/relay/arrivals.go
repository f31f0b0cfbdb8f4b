package relay

import (
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/wheel"
)

// arrivalToken marks the token of a client that arrives: its generation and slot are in the low bits.
const arrivalToken = uint64(1) << 63

// arriving is a client that has no route yet.
type arriving struct {
	newcomer
	binding    int32 // index of its listener
	generation uint32
	older      int32 // links of the list of all by age; noSlot: it is the oldest
	newer      int32
	lowWater   int32 // SO_RCVLOWAT of its socket; 0: as it was
	awaits     awaitedPart
	ended      bool // a FIN or an error lies behind what can be read
	watched    bool // its socket is in the loop's epoll set
}

const noSlot = -1

// arrivals are the clients that have no route yet, by slot.
type arrivals struct {
	slots  []arriving
	free   []int32
	wheel  *wheel.Wheel // of their deadlines
	due    []int32
	oldest int32
	newest int32
	count  int
}

func newArrivals(now deadline.Instant) *arrivals {
	return &arrivals{wheel: wheel.New(int64(now)), oldest: noSlot, newest: noSlot}
}

// add puts a client into a free slot, behind all others.
func (s *arrivals) add(n newcomer, binding int) (slot int32) {
	if len(s.free) == 0 {
		s.slots = append(s.slots, arriving{})
		s.free = append(s.free, int32(len(s.slots)-1))
	}
	slot = s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.slots[slot] = arriving{newcomer: n, binding: int32(binding), generation: s.slots[slot].generation, older: s.newest, newer: noSlot}
	if s.newest != noSlot {
		s.slots[s.newest].newer = slot
	} else {
		s.oldest = slot
	}
	s.newest = slot
	s.count++
	return slot
}

// remove frees a slot and returns who was in it.
func (s *arrivals) remove(slot int32) arriving {
	gone := s.slots[slot]
	if gone.older != noSlot {
		s.slots[gone.older].newer = gone.newer
	} else {
		s.oldest = gone.newer
	}
	if gone.newer != noSlot {
		s.slots[gone.newer].older = gone.older
	} else {
		s.newest = gone.older
	}
	s.slots[slot] = arriving{generation: gone.generation + 1}
	s.free = append(s.free, slot)
	s.wheel.Clear(slot)
	s.count--
	return gone
}

func (s *arrivals) token(slot int32) uint64 {
	return arrivalToken | uint64(s.slots[slot].generation&maxGeneration)<<32 | uint64(uint32(slot))
}

// find returns the slot that a token names, false if its client is gone from there.
func (s *arrivals) find(token uint64) (slot int32, ok bool) {
	slot = int32(uint32(token))
	return slot, int(slot) < len(s.slots) && s.token(slot) == token
}

// each calls f with the slot of every client, the oldest first. f may remove it.
func (s *arrivals) each(f func(slot int32)) {
	if s == nil {
		return
	}
	for slot := s.oldest; slot != noSlot; {
		next := s.slots[slot].newer
		f(slot)
		slot = next
	}
}

// next is when the first has to be given up; Never: there is none.
func (s *arrivals) next() deadline.Instant {
	if s == nil || s.count == 0 {
		return deadline.Never
	}
	at, ok := s.wheel.Next()
	if !ok {
		return deadline.Never
	}
	return deadline.Instant(at)
}
