package advice

import (
	"idlegate/policy/units"

	"strings"
	"testing"
	"time"
)

// spokeAfter is a route with 100 clients who speak again after such a silence, counted for a month.
func spokeAfter(route string, silence time.Duration) Input {
	in := Input{Route: route, Policy: "devices", InForce: time.Hour, Counted: 30 * day}
	for range 100 {
		in.Ended.Ended(silence, 50*time.Minute, false)
	}
	return in
}

func TestRoutesThatShareAPolicyAreGivenWhatNoneIsHurtBy(t *testing.T) {
	quick, slow := spokeAfter("quick", 3*time.Second), spokeAfter("slow", 4*time.Minute)
	own := For(quick).Recommended
	needed := For(slow).Recommended
	if own >= needed || needed >= time.Hour {
		t.Fatalf("the routes do not differ: %v and %v", own, needed)
	}
	for _, inputs := range [][]Input{{quick, slow}, {slow, quick}} {
		for i, a := range ForRoutes(inputs) {
			p := pasted(t, &inputs[i], a.YAML)
			if a.Recommended != needed || !a.Enough || p.IdleTimeout != needed {
				t.Errorf("%s is given %v, and %v to paste; want %v\n%s", inputs[i].Route, a.Recommended, p.IdleTimeout, needed, a.YAML)
			}
			if trial := pasted(t, &inputs[i], a.DryRunYAML); trial.DryRun.Timers["idle_timeout"] != needed {
				t.Errorf("%s is to be tried with\n%s", inputs[i].Route, a.DryRunYAML)
			}
			text := strings.Join(a.Reasons, "\n")
			if inputs[i].Route == "quick" {
				want := "The policy devices is shared with route slow, which needs " + units.FormatDuration(needed) + ". With a policy of its own this route could have " + units.FormatDuration(own) + "."
				if a.Reasons[0] != want || strings.Contains(text, "make it "+units.FormatDuration(own)) {
					t.Errorf("quick is told\n%s", text)
				}
			} else if !strings.Contains(text, "The policy devices is also that of quick: ") {
				t.Errorf("slow is told\n%s", text)
			}
			if !strings.Contains(a.YAML, "clients of route slow spoke again") {
				t.Errorf("the snippet does not say who was measured:\n%s", a.YAML)
			}
		}
	}
}

func TestAPolicyIsNotShortenedForARouteOfWhichTooLittleIsKnown(t *testing.T) {
	quick, unknown := spokeAfter("quick", 3*time.Second), Input{Route: "unknown", Policy: "devices", InForce: time.Hour, Counted: 30 * day}
	advices := ForRoutes([]Input{quick, unknown})
	for i, a := range advices {
		if a.Recommended != time.Hour || a.YAML != "" || a.DryRunYAML != "" {
			t.Errorf("route %d is given %v and\n%s%s", i, a.Recommended, a.YAML, a.DryRunYAML)
		}
	}
	if !strings.HasPrefix(advices[0].Reasons[0], "The policy devices is shared with route unknown, about which too little is known yet") {
		t.Errorf("quick is told %q", advices[0].Reasons)
	}
}

func TestAPolicyIsRaisedForOneRouteAndAllThatShareItAreTold(t *testing.T) {
	slow, unknown := spokeAfter("slow", 4*time.Minute), Input{Route: "unknown", Policy: "devices", Counted: 30 * day}
	slow.InForce, unknown.InForce = time.Minute, time.Minute
	advices := ForRoutes([]Input{unknown, slow})
	if a := advices[0]; a.Recommended != advices[1].Recommended || a.Recommended <= time.Minute || a.YAML != advices[1].YAML || !a.Enough {
		t.Errorf("%+v", a)
	}
	if text := strings.Join(advices[0].Reasons, " "); strings.Contains(text, "Until more is known") {
		t.Errorf("it is told to wait, and to paste: %s", text)
	}
}

func TestAPolicyThatOneRouteNeedsOffStaysOff(t *testing.T) {
	quick, endless := spokeAfter("quick", 3*time.Second), spokeAfter("endless", 10*day)
	quick.InForce, endless.InForce = 0, 0
	for _, a := range ForRoutes([]Input{quick, endless}) {
		if a.Recommended != 0 || a.YAML != "" || a.DryRunYAML != "" {
			t.Errorf("%+v", a)
		}
	}
}

func TestRoutesWithPoliciesOfTheirOwnAreNotMixed(t *testing.T) {
	quick, slow := spokeAfter("quick", 3*time.Second), spokeAfter("slow", 4*time.Minute)
	quick.Policy, slow.Policy = "", ""
	for i, a := range ForRoutes([]Input{quick, slow}) {
		alone := For([]Input{quick, slow}[i])
		if a.Recommended != alone.Recommended || a.YAML != alone.YAML {
			t.Errorf("route %d: %v, alone %v", i, a.Recommended, alone.Recommended)
		}
	}
}
