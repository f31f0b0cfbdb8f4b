package advice

import "slices"

// missing says what there is too little of, and what to do; nothing where there is enough.
func (s *study) missing() []string {
	var lacks string
	switch {
	case s.all.connections == 0:
		lacks = "No connection has been seen on this route in " + about(s.Counted) + "."
	case s.all.spoke == 0:
		lacks = "None of " + count(s.all.connections, "connection") + " has spoken again after a silence, so there is nothing to judge by."
	case s.all.spoke < enoughSpoke:
		lacks = "Only " + number(s.all.spoke) + " of " + count(s.all.connections, "connection") +
			" spoke again after a silence; fewer than " + number(enoughSpoke) + " can mislead."
	case s.harmless < rungs && s.Counted < enoughTimes*ladder[s.chosen]:
		need := enoughTimes * ladder[s.chosen]
		return append(s.observed(), "It has been counted for "+about(s.Counted)+" only, and "+exactly(ladder[s.chosen])+
			", to which the figures point so far, needs "+exactly(need)+". Ask again in "+about(need-s.Counted)+".", s.untilThen())
	default:
		return nil
	}
	return []string{lacks + " Leave it running and ask again.", s.untilThen()}
}

func (s *study) untilThen() string {
	if s.IdleTimeout > 0 {
		return "Until then keep idle_timeout " + exactly(s.IdleTimeout) + ", which is in force."
	}
	return "Until then nothing is recommended; idle_timeout is off."
}

// grounds are the reasons for what is recommended.
func (s *study) grounds() []string {
	return spoken(append(s.observed(), s.ofInForce(), s.ofReclaimed(), s.ofUnknown(), s.ofTolerance())...)
}

// circumstances are what to know beside, whatever is recommended.
func (s *study) circumstances() []string {
	return spoken(s.ofDryRun(), s.ofCut(), s.ofGaps(), s.ofShortTime())
}

// spoken leaves out what had nothing to say.
func spoken(sentences ...string) []string {
	return slices.DeleteFunc(sentences, func(s string) bool { return s == "" })
}

// observed says which candidates would have cut whom.
func (s *study) observed() []string {
	if s.harmless == rungs {
		return []string{s.ofNone()}
	}
	harmless := s.rows[s.harmless]
	longest := "The longest silence after which a client spoke again was " + about(s.all.longest) + "."
	choice := exactly(harmless.Candidate) + " is the shortest candidate that would have cut none of " +
		count(s.all.spoke, "connection") + " that later spoke"
	if allowed := s.tolerated(s.Tolerance); allowed > 0 {
		choice = exactly(harmless.Candidate) + " is the shortest candidate within the tolerance of " + percent(s.Tolerance) + ": it would have cut " +
			number(harmless.CutSpoke) + " of " + count(s.all.spoke, "connection") + " that later spoke, and " + number(allowed) + " may be"
	}
	margin := "; one step of margin makes it " + exactly(ladder[s.chosen]) + "."
	if s.chosen == s.harmless {
		margin = "; it is the longest candidate, so there is no step of margin."
	}
	return spoken(longest, choice+margin, s.ofBelow())
}

// ofBelow says what the next shorter candidate would have done.
func (s *study) ofBelow() string {
	if s.harmless == 0 {
		return ""
	}
	below := s.rows[s.harmless-1]
	return exactly(below.Candidate) + " would have cut " + number(below.CutSpoke) + " of " +
		count(s.all.spoke, "connection") + " that later spoke."
}

// ofNone says that no candidate will do.
func (s *study) ofNone() string {
	top := s.rows[rungs-1]
	return count(top.CutSpoke, "connection") + " of " + number(s.all.spoke) + " that later spoke had been silent for more than " +
		exactly(top.Candidate) + ", the longest candidate (the longest for " + about(s.all.longest) +
		"). No idle_timeout suits them; give such clients a route of their own, or have them send heartbeats."
}

// ofInForce compares the recommendation with the idle_timeout in force.
func (s *study) ofInForce() string {
	now, margin := "idle_timeout "+exactly(s.IdleTimeout)+" in force ", exactly(ladder[s.chosen])
	switch s.verdict() {
	case set:
		return "idle_timeout is off, so a silent connection stays until something else ends it."
	case shorten:
		return now + "is longer than it need be: make it " + margin + "."
	case raise:
		return now + "is no longer than silences after which clients do speak: raise it to " + margin + "."
	case pointless:
		return now + "is longer than it need be, but " + margin + " would reclaim nothing: leave it."
	case keep:
		if s.IdleTimeout != ladder[s.chosen] {
			return now + "lies between " + exactly(ladder[s.harmless]) + " and " + margin + ", which is good enough: leave it."
		}
		return now + "is the best already: leave it."
	}
	return ""
}

// ofReclaimed says what would be gained.
func (s *study) ofReclaimed() string {
	r := s.rows[s.chosen]
	switch v := s.verdict(); {
	case v == hopeless || v == pointless || r.Unknown:
		return ""
	case r.ReclaimedHours == 0:
		return exactly(r.Candidate) + " would have reclaimed nothing, since no connection stayed silent for longer; it only bounds what may come."
	}
	said := exactly(r.Candidate) + " would have cut " + count(r.CutDead, "connection") + " that did not speak again, and reclaimed " +
		hours(r.ReclaimedHours)
	if r.DeadOpen > 0 {
		said += "; " + number(r.DeadOpen) + " of these, with " + hours(r.OpenHours) + ", are open still and may yet speak"
	}
	return said + "."
}

// ofUnknown says that the recommendation goes beyond what could be seen.
func (s *study) ofUnknown() string {
	v := s.verdict()
	if v == hopeless || v == keep || v == pointless || !s.rows[s.chosen].Unknown {
		return "" // nothing new is recommended
	}
	return "What " + exactly(ladder[s.chosen]) + " would cut is not known, since idle_timeout ended connections before they could be silent for so long. " +
		"Its figures are lower bounds: ask again when it has been in force for " + exactly(enoughTimes*ladder[s.chosen]) + "."
}
