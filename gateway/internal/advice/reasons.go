package advice

import (
	"slices"

	"idlegate/policy/units"
)

// missing says what there is too little of, and what to do; nothing where there is enough.
func (s *study) missing() []string {
	var lacks string
	switch {
	case s.all.connections == 0:
		lacks = "No connection has been counted on this route in " + about(s.Counted) + "."
	case s.all.spoke == 0:
		lacks = "Of " + connections(s.all.connections) + " none has spoken again after a silence, so there is nothing to judge by."
	case s.all.spoke < enoughSpoke:
		lacks = "Only " + number(s.all.spoke) + " of " + connections(s.all.connections) +
			" spoke again after a silence; fewer than " + number(enoughSpoke) + " can mislead."
	case s.harmless < rungs && s.Counted < enoughTimes*ladder[s.chosen]:
		need := enoughTimes * ladder[s.chosen]
		return append(s.observed(), "It has been counted for "+about(s.Counted)+" only, and "+units.FormatDuration(ladder[s.chosen])+
			", to which the figures point so far, needs "+units.FormatDuration(need)+". Ask again in "+about(need-s.Counted)+".", s.untilThen())
	case s.blind():
		return []string{"All connections that have ended were ended by idle_timeout itself, so it cannot be told which silent clients " +
			"are dead and which are only slow.", s.untilThen()}
	default:
		return nil
	}
	return []string{lacks + " Leave it running and ask again.", s.untilThen()}
}

// untilThen says what to do without advice.
func (s *study) untilThen() string {
	if s.IdleTimeout > 0 {
		return "Until more is known keep idle_timeout " + units.FormatDuration(s.IdleTimeout) + ", which is in force."
	}
	return "Until more is known nothing is recommended; idle_timeout is off."
}

// grounds are the reasons for what is recommended.
func (s *study) grounds() []string {
	return spoken(append(s.observed(), s.ofInForce(), s.ofReclaimed(), s.ofUnknown(), s.ofTolerance(), s.ofShortTime())...)
}

// circumstances are what to know beside, whatever is recommended.
func (s *study) circumstances() []string {
	return spoken(s.ofDryRun(), s.ofCut(), s.ofGaps())
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
	choice := units.FormatDuration(harmless.Candidate) + " is the shortest candidate that would have cut none of " +
		connections(s.all.spoke) + " that later spoke"
	if allowed := s.tolerated(s.Tolerance); allowed > 0 {
		choice = units.FormatDuration(harmless.Candidate) + " is the shortest candidate within the tolerance of " + percent(s.Tolerance) + ": it would have cut " +
			number(harmless.CutSpoke) + " of " + connections(s.all.spoke) + " that later spoke, where " + number(allowed) + " are allowed"
	}
	margin := "; one step of margin makes it " + units.FormatDuration(ladder[s.chosen]) + "."
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
	return units.FormatDuration(below.Candidate) + " would have cut " + number(below.CutSpoke) + " of " +
		connections(s.all.spoke) + " that later spoke."
}

// ofNone says that no candidate will do.
func (s *study) ofNone() string {
	top := s.rows[rungs-1]
	return connections(top.CutSpoke) + " of " + number(s.all.spoke) + " that later spoke had been silent for more than " +
		units.FormatDuration(top.Candidate) + ", the longest candidate (the longest for " + about(s.all.longest) +
		"). Give such clients a route of their own, or have them send heartbeats."
}

// ofInForce compares the recommendation with the idle_timeout in force.
func (s *study) ofInForce() string {
	now, margin := "idle_timeout "+units.FormatDuration(s.IdleTimeout)+" in force ", units.FormatDuration(ladder[s.chosen])
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
			return now + "lies between " + units.FormatDuration(ladder[s.harmless]) + " and " + margin + ", which is good enough: leave it."
		}
		return now + "is the best as far as is known: leave it."
	}
	return s.ofHopeless()
}

// ofHopeless says what to do about the idle_timeout in force where no candidate will do.
func (s *study) ofHopeless() string {
	switch now := s.IdleTimeout; {
	case now == 0:
		return "Leave idle_timeout off until then."
	case now > s.all.longest:
		return "Leave idle_timeout " + units.FormatDuration(now) + " as it is until then: it is longer than all of these silences."
	default:
		return "idle_timeout " + units.FormatDuration(now) + " in force ends such clients: to keep them it must be more than " + about(s.all.longest) + ", or none."
	}
}

// ofReclaimed says what would be gained.
func (s *study) ofReclaimed() string {
	r := s.rows[s.chosen]
	switch v := s.verdict(); {
	case v != set && v != shorten || r.Unknown:
		return ""
	case r.ReclaimedHours == 0:
		return units.FormatDuration(r.Candidate) + " would have reclaimed nothing, since no connection stayed silent for longer; it only bounds what may come."
	}
	said := units.FormatDuration(r.Candidate) + " would have cut " + connections(r.CutDead) + " that did not speak again, and reclaimed " +
		hours(r.ReclaimedHours)
	switch r.DeadOpen {
	case 0:
	case r.CutDead:
		said += "; all of them are still open and may yet speak"
	default:
		said += "; " + number(r.DeadOpen) + " of them are still open, with " + amount(r.OpenHours) + " of these hours, and may yet speak"
	}
	return said + "."
}

// ofUnknown says that the recommendation goes beyond what could be seen.
func (s *study) ofUnknown() string {
	said := "What " + units.FormatDuration(ladder[s.chosen]) + " would cut is not known for sure, since idle_timeout ended connections before they could be " +
		"silent for so long. Its figures are lower bounds: "
	switch v := s.verdict(); {
	case !s.rows[s.chosen].Unknown:
		return ""
	case v == set || v == shorten:
		return said + "try it in a dry run first."
	case v == raise:
		return said + "ask again some time after the change."
	}
	return "" // nothing new is recommended
}
