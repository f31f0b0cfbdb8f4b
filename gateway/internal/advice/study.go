package advice

import (
	"math"
	"time"
)

const (
	// enoughSpoke is how many connections must have spoken again: below 20 a habit of one client in seven can well be
	// missed (0.86^20 = 5%).
	enoughSpoke = 20
	// enoughTimes is how many times the candidate must have been counted, so that a silence as long as that could be
	// both begun and ended on most connections.
	enoughTimes = 5
	day         = 24 * time.Hour
)

// study is an Input with what follows from it.
type study struct {
	*Input
	*words
	ladder   *ladder
	all      Tally // ended and open
	rows     []Row
	harmless int // shortest candidate that cuts no more than is tolerated; rungs: none is
	chosen   int // the next longer one, as margin; the longest has none

	shared bool // other routes have the same policy, so a snippet says by which it was measured
}

func newStudy(in *Input) *study {
	s := &study{Input: in, words: wordsOf(in.Timer), ladder: in.Timer.ladder(), all: in.Ended}
	s.all.Add(&in.Open)
	s.rows = make([]Row, rungs)
	for i := range s.rows {
		s.rows[i] = s.row(i)
	}
	s.harmless, s.chosen = s.choose(s.Tolerance)
	return s
}

func (s *study) row(i int) Row {
	dead, cut := s.all.cutDead(i)
	deadOpen, _ := s.Open.cutDead(i)
	return Row{
		Candidate:      s.ladder[i],
		CutSpoke:       s.all.cutSpoke(i),
		CutDead:        dead,
		DeadOpen:       deadOpen,
		DeadCut:        cut,
		ReclaimedHours: s.all.reclaimed(s.ladder, i).hours(),
		OpenHours:      s.Open.reclaimed(s.ladder, i).hours(),
		Unknown:        s.ladder[i] >= s.Counted || s.hidden(s.ladder[i]),
	}
}

// hidden reports whether the timer has kept silences longer than d from being seen. It need not be the one in force,
// which may have been edited since.
func (s *study) hidden(d time.Duration) bool {
	if s.all.cut == 0 {
		return false
	}
	return d >= s.all.shortestCut || s.InForce > 0 && d >= s.InForce
}

// tolerated returns how many connections that later spoke may be cut.
func (s *study) tolerated(share float64) uint64 {
	if !(share > 0) || s.Timer == MessageTimeout { // a share of messages is none of clients: each may send thousands
		return 0
	}
	const rounding = 1e-9 // 29% of 100 are 28.999999999999996
	return uint64(math.Floor(min(share, 1)*float64(s.all.spoke) + rounding))
}

// choose returns the shortest candidate that cuts no more than that share of the connections that later spoke, rungs if
// none does, and the one to recommend.
func (s *study) choose(share float64) (harmless, chosen int) {
	allowed := s.tolerated(share)
	for harmless < rungs && s.rows[harmless].CutSpoke > allowed {
		harmless++
	}
	return harmless, min(harmless+1, rungs-1)
}

// verdict is how a study comes out where there is enough to go by.
type verdict int

const (
	set       verdict = iota // the timer is off: set it
	shorten                  // the one in force is longer than it need be
	raise                    // the one in force is as short as the silences of clients that speak again, or shorter
	keep                     // the one in force is the one to recommend, or lies within its margin
	pointless                // the one in force is longer than it need be, and nothing comes of shortening it
	hopeless                 // no candidate is long enough
	spare                    // max_lifetime is off, and stays so: what is dead is ended by idle_timeout
)

func (s *study) verdict() verdict {
	if s.harmless == rungs {
		return hopeless
	}
	shortest, margin := s.ladder[s.harmless], s.ladder[s.chosen]
	switch now := s.InForce; {
	case now == 0 && s.Timer == MaxLifetime:
		return spare
	case now == 0:
		return set
	case now == margin, shortest < now && now < margin:
		return keep
	case now < margin:
		return raise
	case s.rows[s.chosen].ReclaimedHours == 0, s.Timer == MaxLifetime:
		return pointless
	}
	return shorten
}

// blind reports that the timer itself ended all that have ended, so that nothing speaks for a shorter one: under a
// minute, a client that has something to say every five looks no different from one that is dead after its first words.
func (s *study) blind() bool {
	v := s.verdict()
	return s.all.cut > 0 && s.all.cut == s.Ended.connections && (v == shorten || v == set)
}

// recommended is the value to have, 0 if it should stay off.
func (s *study) recommended() time.Duration {
	switch s.verdict() {
	case set, shorten, raise:
		return s.ladder[s.chosen]
	case hopeless:
		if s.InForce <= s.all.longest {
			return 0
		}
	}
	return s.InForce
}
