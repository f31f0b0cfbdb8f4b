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
func (s *Set) balanced(fits func(*Member) bool, from *Source, now int64) *Member {
	switch s.balance {
	case RoundRobin:
		return s.inTurn(fits, now)
	case Random:
		return s.ofTwo(fits, now)
	case SourceHash:
		return s.byHash(fits, from, now)
	}
	return s.least(fits, now)
}

// least returns the member with the fewest connections for its weight, and of several each in turn.
func (s *Set) least(fits func(*Member) bool, now int64) (best *Member) {
	start := int(s.turn.Add(1) - 1)
	for i := range s.Members {
		m := &s.Members[(start+i)%len(s.Members)]
		if fits(m) && (best == nil || s.isIdler(m, best, now)) {
			best = m
		}
	}
	return best
}

// isIdler reports whether one more connection is less for m than for other.
func (s *Set) isIdler(m, other *Member, now int64) bool {
	return (m.load()+1)*s.weight(other, now) < (other.load()+1)*s.weight(m, now)
}

// inTurn returns the member whose turn it is. Members that do not fit are passed over, and the turn goes on behind the one that was
// found: else the one that follows them would get their share beside its own.
func (s *Set) inTurn(fits func(*Member) bool, now int64) *Member {
	for {
		turn := s.turn.Load()
		i, found := s.turnOf(turn, func(m *Member) bool { return fits(m) && s.takesTurn(m, now) })
		if !found {
			if i, found = s.turnOf(turn, fits); !found { // all that fit start slowly
				return nil
			}
		}
		place := s.turns[(int(turn)+i)%len(s.turns)]
		if s.turn.CompareAndSwap(turn, uint32((int(turn)+i+1)%len(s.turns))) {
			return &s.Members[place]
		}
	}
}

// turnOf returns how many turns after turn the first comes whose member fits.
func (s *Set) turnOf(turn uint32, fits func(*Member) bool) (after int, found bool) {
	for i := range s.turns {
		if fits(&s.Members[s.turns[(int(turn)+i)%len(s.turns)]]) {
			return i, true
		}
	}
	return 0, false
}

// draws is how often another member is drawn for one that does not fit, before the first that does is taken.
const draws = 16

// ofTwo draws two members by weight, and returns the one with fewer connections for its weight. One that starts slowly is drawn more
// rarely; that it has fewer connections counts for it as for any.
func (s *Set) ofTwo(fits func(*Member) bool, now int64) *Member {
	a := s.draw(fits, nil, now)
	if a == nil {
		return nil
	}
	if b := s.draw(fits, a, now); b != nil && (b.load()+1)*int64(a.Weight) < (a.load()+1)*int64(b.Weight) {
		return b
	}
	return a
}

// draw returns a member other than one that was drawn before; nil: there is none.
func (s *Set) draw(fits func(*Member) bool, before *Member, now int64) *Member {
	if len(s.turns) == 0 {
		return nil
	}
	for range draws {
		m := &s.Members[s.turns[rand.IntN(len(s.turns))]]
		if m != before && s.takesTurn(m, now) && fits(m) {
			return m
		}
	}
	start := rand.IntN(len(s.Members))
	for i := range s.Members {
		m := &s.Members[(start+i)%len(s.Members)]
		if m != before && fits(m) {
			return m
		}
	}
	return nil
}

// byHash returns the member with the highest score for a client. This is rendezvous hashing: each endpoint's score depends
// on client and endpoint alone, so that one which comes or goes moves only its own share.
func (s *Set) byHash(fits func(*Member) bool, from *Source, now int64) (best *Member) {
	highest := math.Inf(-1)
	for i := range s.Members {
		m := &s.Members[i]
		if !fits(m) {
			continue
		}
		if score := m.score(from, float64(s.weight(m, now))); best == nil || score > highest {
			best, highest = m, score
		}
	}
	return best
}

// score is between minus infinity and 0. With it a member is the highest as often as its weight says.
func (m *Member) score(from *Source, weight float64) float64 {
	h := uint64(14695981039346656037) // FNV-1a, so that gateways agree
	for _, b := range []byte(m.Name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	for _, half := range [...][]byte{from[:8], from[8:]} {
		h = mix(h ^ binary.BigEndian.Uint64(half))
	}
	uniform := (float64(h>>11) + 0.5) / (1 << 53) // above 0 and below 1
	return math.Log(uniform) / weight
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
