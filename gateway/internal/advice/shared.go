package advice

import (
	"strings"
	"time"

	"idlegate/policy/units"
)

// shared is what routes have in common.
type shared struct {
	policy string
	timer  Timer
}

// ForRoutes advises on several routes, in their order. Routes with the same named policy have one value of each timer, so they are all
// given the longest that one of them needs: what is pasted for one must not cut the clients of another.
func ForRoutes(all []Input) []Advice {
	studies := make([]*study, len(all))
	advices := make([]Advice, len(all))
	byPolicy := map[shared][]int{}
	for i := range all {
		studies[i] = newStudy(&all[i])
		advices[i] = studies[i].advice()
		if name := all[i].Policy; name != "" {
			one := shared{name, all[i].Timer}
			byPolicy[one] = append(byPolicy[one], i)
		}
	}
	for _, sharers := range byPolicy {
		if len(sharers) > 1 {
			reconcile(studies, advices, sharers)
		}
	}
	return advices
}

// reconcile gives all sharers of a policy the longest that one of them is given. One of which not enough is known is given what is in
// force, so a policy is never shortened for it.
func reconcile(studies []*study, advices []Advice, sharers []int) {
	most := sharers[0]
	for _, i := range sharers[1:] {
		if longer(advices[i].Recommended, advices[most].Recommended) {
			most = i
		}
	}
	decided := advices[most] // a copy: it has its own words yet
	for _, i := range sharers {
		if advices[i].Recommended != decided.Recommended {
			studies[i].yield(&advices[i], studies[most], &decided)
			continue
		}
		a := &advices[i]
		a.Reasons = append(a.Reasons, studies[i].ofSharing(studies, sharers))
		if a.Enough {
			s := *studies[i]
			s.shared = true
			a.YAML, a.DryRunYAML = s.yaml(a.Recommended), s.dryRunYAML(a.Recommended)
		}
	}
}

// longer reports whether a is a longer timeout than b; 0 is off, and longer than all.
func longer(a, b time.Duration) bool { return b != 0 && (a == 0 || a > b) }

// yield gives a route what another one that shares its policy needs.
func (s *study) yield(a *Advice, other *study, decided *Advice) {
	own := a.Recommended
	said := "The policy " + s.Policy + " is shared with route " + other.Route + ", "
	switch {
	case !decided.Enough:
		said += "about which too little is known yet, so it stays as it is."
	case decided.Recommended == 0:
		said += "which needs " + s.key() + " off."
	default:
		said += "which needs " + units.FormatDuration(decided.Recommended) + "."
	}
	var observed []string
	if a.Enough {
		said += " With a policy of its own this route could have " + units.FormatDuration(own) + "."
		observed = s.observed()
	} else {
		observed = s.missing()
		observed = observed[:len(observed)-1] // what to do until then is said
	}
	a.Reasons = append(append([]string{said}, observed...), s.circumstances()...)
	a.Enough = a.Enough || decided.Enough
	a.Recommended = decided.Recommended
	a.Certainty, a.Basis = decided.Certainty, decided.Basis+" These are the figures of route "+other.Route+", which decides."
	shown := *other
	shown.shared = true
	a.YAML, a.DryRunYAML = "", ""
	if decided.Enough {
		a.YAML, a.DryRunYAML = shown.yaml(decided.Recommended), shown.dryRunYAML(decided.Recommended)
	}
}

// ofSharing says for whom else the recommendation is.
func (s *study) ofSharing(studies []*study, sharers []int) string {
	var others []string
	for _, i := range sharers {
		if studies[i] != s {
			others = append(others, studies[i].Route)
		}
	}
	return "The policy " + s.Policy + " is also that of " + strings.Join(others, ", ") + ": one " + s.key() + " serves them all."
}
