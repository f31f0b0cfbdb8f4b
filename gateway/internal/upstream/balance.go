package upstream

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// Balance says how an endpoint is chosen among those that are as good.
type Balance uint8

const (
	LeastConnections Balance = iota // the fewest connections for its weight
	RoundRobin                      // each in turn, as often as its weight says
	Random                          // of two drawn by weight, the one with fewer connections for its weight
	SourceHash                      // by the client's address: the same one as long as the endpoints stay the same
)

// balanced returns one of the members that fit, nil if none does.
func (s *Set) balanced(fits func(*Member) bool, from *Source) *Member {
	switch s.balance {
	case RoundRobin:
		return s.inTurn(fits, s.turn.Add(1)-1)
	case Random:
		a, b := s.inTurn(fits, rand.Uint32()), s.inTurn(fits, rand.Uint32())
		if a != nil && b != nil && b.idler(a) {
			return b
		}
		return a
	case SourceHash:
		return s.byHash(fits, from)
	}
	return s.least(fits)
}

// least returns the member with the fewest connections for its weight, and of several each in turn.
func (s *Set) least(fits func(*Member) bool) (best *Member) {
	start := int(s.turn.Add(1) - 1)
	for i := range s.Members {
		m := &s.Members[(start+i)%len(s.Members)]
		if fits(m) && (best == nil || m.idler(best)) {
			best = m
		}
	}
	return best
}

// idler reports whether one more connection is less for m than for other.
func (m *Member) idler(other *Member) bool {
	return (m.load()+1)*int64(other.Weight) < (other.load()+1)*int64(m.Weight)
}

// inTurn returns the first that fits from a turn on.
func (s *Set) inTurn(fits func(*Member) bool, turn uint32) *Member {
	for i := range s.turns {
		m := &s.Members[s.turns[(int(turn)+i)%len(s.turns)]]
		if fits(m) {
			return m
		}
	}
	return nil
}

// byHash returns the member with the highest score for a client. This is rendezvous hashing: each endpoint's score depends
// on client and endpoint alone, so that one which comes or goes moves only its own share.
func (s *Set) byHash(fits func(*Member) bool, from *Source) (best *Member) {
	highest := math.Inf(-1)
	for i := range s.Members {
		m := &s.Members[i]
		if !fits(m) {
			continue
		}
		if score := m.score(from); best == nil || score > highest {
			best, highest = m, score
		}
	}
	return best
}

// score is between minus infinity and 0. With it a member is the highest as often as its weight says.
func (m *Member) score(from *Source) float64 {
	h := uint64(14695981039346656037) // FNV-1a, so that gateways agree
	for _, b := range []byte(m.Name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	for _, half := range [...][]byte{from[:8], from[8:]} {
		h = mix(h ^ binary.BigEndian.Uint64(half))
	}
	uniform := (float64(h>>11) + 0.5) / (1 << 53) // above 0 and below 1
	return math.Log(uniform) / float64(m.Weight)
}

// mix spreads every bit over all of them (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// turns are the places of the members, each as often as its weight says and spread evenly: the k-th of n comes at (k+½)/n.
func turns(members []Member) []uint16 {
	type visit struct {
		at    float64
		place uint16
	}
	divisor := 0
	for _, m := range members {
		divisor = gcd(divisor, m.Weight)
	}
	var all []visit
	for place, m := range members {
		n := m.Weight / divisor
		for k := range n {
			all = append(all, visit{(float64(k) + 0.5) / float64(n), uint16(place)})
		}
	}
	slices.SortStableFunc(all, func(a, b visit) int { return cmp.Compare(a.at, b.at) })
	places := make([]uint16, len(all))
	for i, v := range all {
		places[i] = v.place
	}
	return places
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
