package arrival

import (
	"net/netip"
	"sync"
)

// Sources counts the open connections of a route by where they come from. Who has none is not in it, so it is never larger than
// there are connections. An IPv6 client can take any address of its /64, so these count as one. Any loop may call it.
type Sources struct {
	mu   sync.Mutex
	open map[netip.Addr]int32 // Guarded by mu; by the first address of the source.
}

// SourceOf returns the source that an address belongs to; the zero Addr for that of a unix socket's client, which has none.
func SourceOf(a netip.Addr) netip.Addr {
	const subnet = 64 // bits of an address that a network gives away; what is behind is the client's own (RFC 4291, 2.5.1)
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	p, _ := a.WithZone("").Prefix(subnet)
	return p.Addr()
}

// Enter counts a connection from a, unless as many are open as there may be; 0: any number. It reports whether it was counted.
func (s *Sources) Enter(a netip.Addr, most int) bool {
	source := SourceOf(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && s.open[source] >= int32(most) {
		return false
	}
	if s.open == nil {
		s.open = map[netip.Addr]int32{}
	}
	s.open[source]++
	return true
}

// Leave takes one that was counted off again.
func (s *Sources) Leave(a netip.Addr) {
	source := SourceOf(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[source]--; s.open[source] <= 0 {
		delete(s.open, source)
	}
	if len(s.open) == 0 {
		s.open = nil // a map keeps the room that it once needed
	}
}

// Fullest returns the source with the most connections; invalid: there is none. It looks at all.
func (s *Sources) Fullest() (source netip.Addr, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, n := range s.open {
		if int(n) > open || int(n) == open && a.Less(source) {
			source, open = a, int(n)
		}
	}
	return source, open
}
