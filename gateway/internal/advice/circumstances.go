package advice

import (
	"strings"
	"time"

	"idlegate/policy/units"
)

// ofDryRun says what a dry run has found.
func (s *study) ofDryRun() string {
	if s.DryRun == 0 || s.Timer != IdleTimeout {
		return ""
	}
	said := "The dry run with " + units.FormatDuration(s.DryRun) + " counted "
	switch resumed := s.all.resumed; {
	case s.Observed == 0:
		return said + "none: no connection was silent for that long."
	case resumed == 0:
		return said + number(s.Observed) + "; none of them spoke again."
	default:
		return said + number(s.Observed) + "; " + number(resumed) + " of them spoke again, after " + about(s.all.longestResumed) + " at most."
	}
}

// ofCut says what a value in force, now or before, has kept from being seen.
func (s *study) ofCut() string {
	if s.all.cut == 0 {
		return ""
	}
	ended := "has ended " + number(s.all.cut) + " of " + s.count(s.Ended.connections)
	unknown := "; " + s.cutUnknown + " is not known."
	switch now := s.InForce; {
	case now == 0:
		return s.key() + ", which is off now, " + ended + unknown
	case s.all.shortestCut < now:
		return s.key() + ", which is " + units.FormatDuration(now) + " now, " + ended + ", the soonest after " + about(s.all.shortestCut) + s.ofSilence + unknown
	default:
		return s.key() + " " + units.FormatDuration(now) + " in force " + ended + unknown + s.howToFindOut()
	}
}

// howToFindOut says what to do, unless that is what is recommended anyhow.
func (s *study) howToFindOut() string {
	if s.harmless < rungs && s.verdict() == raise {
		return ""
	}
	at := s.ladder.exceeded(2 * s.InForce)
	if at == rungs {
		return ""
	}
	return " To find out, raise it, for example to " + units.FormatDuration(s.ladder[at]) + ": a dry run cannot look beyond a timeout in force."
}

// slight is a tolerance to show what few connections cost.
const slight = 0.001

// ofTolerance says what the recommendation would be if a few connections did not count.
func (s *study) ofTolerance() string {
	allowed := s.tolerated(slight)
	harmless, chosen := s.choose(slight)
	if allowed <= s.tolerated(s.Tolerance) || harmless == rungs || s.rows[chosen].Unknown {
		return ""
	}
	if s.harmless < rungs && chosen >= s.chosen {
		return "" // it would make no difference
	}
	said := "With a tolerance of " + percent(slight) + ", which is " + s.count(allowed) + ", it would be " + units.FormatDuration(s.ladder[chosen])
	if reclaimed := s.rows[chosen].ReclaimedHours; reclaimed > 0 {
		said += ", which would have cut " + number(s.rows[chosen].CutSpoke) + s.later + " and reclaimed " + hours(reclaimed)
	}
	return said + "."
}

// ofGaps says how far apart messages are.
func (s *study) ofGaps() string {
	if s.Timer != IdleTimeout {
		return ""
	}
	var parts []string
	for _, gap := range []struct {
		share string
		d     time.Duration
	}{{"50%", s.Gaps.P50}, {"99%", s.Gaps.P99}, {"99.9%", s.Gaps.P999}, {"all", s.Gaps.Max}} {
		if gap.d > 0 {
			if n := len(parts) - 1; n >= 0 && strings.HasSuffix(parts[n], " within "+about(gap.d)) {
				parts = parts[:n] // what holds of more of them holds of fewer
			}
			parts = append(parts, gap.share+" within "+about(gap.d))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "The time from one client message to the next: " + strings.Join(parts, ", ") + "."
}

// ofShortTime warns where not even a day was counted.
func (s *study) ofShortTime() string {
	if s.Counted >= day || s.all.connections == 0 {
		return ""
	}
	return "These are the figures of " + about(s.Counted) + ": what clients do once a day or at weekends may not be in them."
}

// remark is the reason in one line, for a comment.
func (s *study) remark(recommended time.Duration) string {
	clients := "clients"
	if s.shared {
		clients += " of route " + s.Route
	}
	said := units.FormatDuration(recommended) + ": " + clients + s.didAfter + about(s.all.longest) + s.atMost
	if s.verdict() == hopeless {
		return said + ", which no candidate allows; as it is in force."
	}
	if cut := s.rows[s.harmless].CutSpoke; cut > 0 {
		said += "; " + units.FormatDuration(s.ladder[s.harmless]) + " would have cut " + number(cut) + " of " + number(s.all.spoke)
	}
	switch s.verdict() {
	case keep, pointless, spare:
		return said + "; as it is in force."
	case raise:
		return said + "; what it would cut could not be seen under " + units.FormatDuration(s.InForce) + "."
	}
	if reclaimed := s.rows[s.chosen].ReclaimedHours; reclaimed > 0 {
		said += "; would have reclaimed " + hours(reclaimed)
	}
	return said + "."
}
