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
		lacks = "No " + s.one + " has been counted on this route in " + about(s.Counted) + "."
	case s.all.spoke == 0:
		lacks = s.none() + " " + s.hasDone + ", so there is nothing to judge by."
	case s.all.spoke < enoughSpoke:
		lacks = "Only " + s.told() + "; fewer than " + number(enoughSpoke) + " can mislead."
	case s.harmless < rungs && s.Counted < enoughTimes*s.ladder[s.chosen]:
		need := enoughTimes * s.ladder[s.chosen]
		return append(s.observed(), "Only "+about(s.Counted)+" have been counted. To recommend "+units.FormatDuration(s.ladder[s.chosen])+
			", to which the figures point so far, takes "+units.FormatDuration(need)+": ask again in "+about(need-s.Counted)+".", s.untilThen())
	case s.blind():
		return []string{"All " + s.many + " that have ended were ended by " + s.key() + " itself, so it cannot be told which " + s.silent + " " +
			"are dead and which are only slow.", s.untilThen()}
	default:
		return nil
	}
	return []string{lacks + " Leave it running and ask again.", s.untilThen()}
}

// none begins a sentence about what not one of them has done.
func (s *study) none() string {
	if s.all.connections == 1 {
		return "No " + s.one
	}
	return "None of " + s.count(s.all.connections)
}

// told says how many of them tell something.
func (s *study) told() string {
	did := s.did
	if s.all.spoke == 1 {
		did = s.hasDone
	}
	if s.all.spoke == s.all.connections {
		return s.count(s.all.spoke) + " " + did
	}
	return number(s.all.spoke) + " of " + s.count(s.all.connections) + " " + did
}

// untilThen says what to do without advice.
func (s *study) untilThen() string {
	if s.InForce > 0 {
		return "Until more is known keep " + s.key() + " " + units.FormatDuration(s.InForce) + ", which is in force."
	}
	return "Until more is known nothing is recommended; " + s.key() + " is off."
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
	longest := s.longest + about(s.all.longest) + "."
	choice := units.FormatDuration(harmless.Candidate) + " is the shortest candidate that would have cut none of " +
		s.count(s.all.spoke) + s.later
	if allowed := s.tolerated(s.Tolerance); allowed > 0 {
		choice = units.FormatDuration(harmless.Candidate) + " is the shortest candidate within the tolerance of " + percent(s.Tolerance) + ": it would have cut " +
			number(harmless.CutSpoke) + " of " + s.count(s.all.spoke) + s.later + ", where " + number(allowed) + " are allowed"
	}
	margin := "; one step of margin makes it " + units.FormatDuration(s.ladder[s.chosen]) + "."
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
		s.count(s.all.spoke) + s.later + "."
}

// ofNone says that no candidate will do.
func (s *study) ofNone() string {
	top := s.rows[rungs-1]
	return number(top.CutSpoke) + " of " + s.count(s.all.spoke) + s.later + " " + s.hadBeen + " more than " +
		units.FormatDuration(top.Candidate) + ", the longest candidate (the longest " + s.longestFor + about(s.all.longest) + ")." + s.instead
}

// ofInForce compares the recommendation with the value in force.
func (s *study) ofInForce() string {
	now, margin := s.key()+" "+units.FormatDuration(s.InForce)+" in force ", units.FormatDuration(s.ladder[s.chosen])
	switch s.verdict() {
	case set:
		return s.key() + " is off, so " + s.stays + " until something else ends it."
	case shorten:
		return now + "is longer than it needs to be: make it " + margin + "."
	case raise:
		return now + "is no longer than " + s.tooShort + ": raise it to " + margin + "." + s.unless
	case spare:
		return s.key() + " is off, and may stay so: idle_timeout ends what is dead. A max_lifetime of " + margin + " or more would have ended none of them" +
			" in use."
	case pointless:
		if s.Timer == MaxLifetime {
			return now + "is longer than connections are used: leave it."
		}
		return now + "is longer than it needs to be, but " + margin + " would reclaim nothing: leave it."
	case keep:
		if s.InForce != s.ladder[s.chosen] {
			return now + "lies between " + units.FormatDuration(s.ladder[s.harmless]) + " and " + margin + ", which is good enough: leave it."
		}
		return now + "is the best value as far as is known: leave it."
	}
	return s.ofHopeless()
}

// ofHopeless says what to do about the value in force where no candidate will do.
func (s *study) ofHopeless() string {
	switch now := s.InForce; {
	case now == 0:
		return "Leave " + s.key() + " off" + s.untilThat + "."
	case now > s.all.longest:
		return "Leave " + s.key() + " " + units.FormatDuration(now) + " as it is" + s.untilThat + ": it is longer than all of these" + s.these + "."
	default:
		return s.key() + " " + units.FormatDuration(now) + " in force ends such clients: to keep them it must be more than " + about(s.all.longest) + ", or none."
	}
}

// ofReclaimed says what would be gained.
func (s *study) ofReclaimed() string {
	r := s.rows[s.chosen]
	switch v := s.verdict(); {
	case v != set && v != shorten || r.Unknown:
		return ""
	case r.ReclaimedHours == 0:
		return units.FormatDuration(r.Candidate) + " would have reclaimed nothing, since " + s.nothing + " for longer; it only bounds what may come."
	}
	said := units.FormatDuration(r.Candidate) + " would have cut " + s.count(r.CutDead) + s.dead + ", and reclaimed " +
		hours(r.ReclaimedHours)
	switch r.DeadOpen {
	case 0:
	case r.CutDead:
		said += "; all of them are still " + s.yet
	default:
		said += "; " + number(r.DeadOpen) + " of them are still " + s.yetWith(amount(r.OpenHours)+" of these hours")
	}
	return said + "."
}

// ofUnknown says that the recommendation goes beyond what could be seen.
func (s *study) ofUnknown() string {
	said := "What " + units.FormatDuration(s.ladder[s.chosen]) + " would cut is not known for sure, since " + s.key() + " ended " + s.many + " before they could " +
		s.couldBe + ". Its figures are lower bounds: "
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
