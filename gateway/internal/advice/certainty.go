package advice

import (
	"math"
	"time"
)

// Certainty is how sure a recommendation is.
type Certainty uint8

const (
	Unfounded Certainty = iota // there is not enough to go by
	Low                        // less than a day was counted, or the recommended value could not be looked at
	Fair                       // a day or more
	High                       // a week or more, of 300 or more that later spoke, so that 1 in 100 would have shown
)

// String returns the word that operators read.
func (c Certainty) String() string { return [...]string{"none", "low", "fair", "high"}[c] }

const (
	week = 7 * day
	// many is from when on it is known, with 95% certainty, that fewer than 1 in 100 are cut where none was.
	many = 300
)

// certainty says how sure it is that d does no harm, and from how much that follows.
func (s *study) certainty(d time.Duration) (Certainty, string) {
	basis := s.traffic()
	at := s.rung(d)
	switch {
	case at >= 0 && s.rows[at].Unknown:
		basis += ". What takes " + about(s.ladder[at]) + " or longer could not be seen"
	case at >= 0:
		basis += ". With 95% certainty " + s.key() + " " + about(s.ladder[at]) + " cuts fewer than 1 in " + number(s.oneIn(s.rows[at].CutSpoke)) +
			" of these, if clients behave as before"
	}
	basis += "."
	switch {
	case at >= 0 && s.rows[at].Unknown, s.Counted < day:
		return Low, basis
	case s.Counted >= week && s.all.spoke >= many:
		return High, basis
	}
	return Fair, basis
}

// traffic says how much was seen.
func (s *study) traffic() string {
	return "It rests on " + s.count(s.all.connections) + " in " + about(s.Counted) + "; " + s.share() + " of them " + s.did
}

// share is how many of them tell something.
func (s *study) share() string {
	switch s.all.spoke {
	case 0:
		return "none"
	case s.all.connections:
		return "all"
	}
	return number(s.all.spoke)
}

// rung is the longest candidate up to d, -1 where there is none.
func (s *study) rung(d time.Duration) int {
	at := s.ladder.exceeded(d)
	if at < rungs && s.ladder[at] == d {
		return at
	}
	return at - 1
}

// oneIn is the greatest n for which it is 95% certain that fewer than 1 in n are cut, where so many were of those that later spoke: by
// the upper bound of Wilson's interval.
func (s *study) oneIn(cut uint64) uint64 {
	const z = 1.645
	n, p := float64(s.all.spoke), float64(cut)/float64(s.all.spoke)
	bound := (p + z*z/(2*n) + z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
	return uint64(max(1, math.Floor(1/bound)))
}
