package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

// tolerated is the share of connections that may be cut though they would speak again, unless --tolerance says otherwise.
const tolerated = 0.001

func newAdvise() *cobra.Command {
	var q api.AdviceQuery
	tolerance := shareFlag(tolerated)
	cmd := newRemote(&cobra.Command{
		Use:   "advise",
		Short: "Recommend timers for each route, from what its connections did",
		Long: "Recommend idle_timeout for each route, from the silences of its connections since the gateway started, or since before\n" +
			"where advise_file keeps what is known. A table says of every candidate how many connections it would have cut that spoke\n" +
			"again afterwards, how many that never did, and how many connection-hours it would have saved. Figures after >= are lower\n" +
			"bounds: the timeout in force ended connections before they could show more, so a longer one can only be tried.\n\n" +
			"first_message_timeout, message_timeout and max_lifetime get a line each; --timer has all that is known of one. Routes that\n" +
			"share a policy are given one value, that of the route which needs the longest time.",
		Example: "  idlegate advise --route devices\n" +
			"  idlegate advise --timer message_timeout\n" +
			"  idlegate advise --tolerance 0.5% -o json",
		Args: arguments(),
	}, func(c *call) error {
		q.Tolerance = float64(tolerance)
		if known := api.AdvisedTimers(); q.Timer != "" && !slices.Contains(known, q.Timer) {
			return usage(c.Command, "--timer is %q; it must be one of %s", q.Timer, strings.Join(known, ", "))
		}
		advices, err := c.gateway.Advise(c.Context(), q)
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(advices)
		}
		return c.printLines(advisedAll(advices.Advices, q.Timer == ""))
	})
	cmd.Flags().StringVar(&q.Route, "route", "", "only for this `ROUTE`")
	cmd.Flags().StringVar(&q.Timer, "timer", "", "all that is known of this `TIMER`: "+strings.Join(api.AdvisedTimers(), ", "))
	cmd.Flags().Var(&tolerance, "tolerance", "share of connections that may be cut though they would speak again")
	complete(cmd, "route", routeNames())
	complete(cmd, "timer", choose(api.AdvisedTimers()...))
	return cmd
}

// advisedAll is all advice. Where it is brief, timers but idle_timeout have a line each below their route.
func advisedAll(all []api.Advice, brief bool) (lines []string) {
	for i := 0; i < len(all); {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, advised(all[i])...)
		others := i + 1
		for brief && others < len(all) && all[others].Route == all[i].Route {
			others++
		}
		if others > i+1 {
			lines = append(append(lines, ""), alsoAdvised(all[i+1:others])...)
		}
		i = others
	}
	return lines
}

// alsoAdvised has a line for each.
func alsoAdvised(all []api.Advice) []string {
	t := table.New(table.Left("TIMER"), table.Right("IN FORCE"), table.Right("RECOMMENDED"), table.Left("CERTAINTY"))
	for _, a := range all {
		recommended := valueOf(a.RecommendedSeconds)
		switch {
		case !a.Enough:
			recommended = "nothing yet"
		case valueOf(a.InForceSeconds) == recommended:
			recommended = "as it is"
		}
		t.Row(a.Timer, valueOf(a.InForceSeconds), recommended, a.Certainty)
	}
	return append(t.Lines(), "idlegate advise --timer says why")
}

// valueOf is a timer's value, which may be off.
func valueOf(seconds *float64) string {
	if seconds == nil {
		return "off"
	}
	return figure.Exact(*seconds)
}

// advised is the advice on one timer of a route: on what it rests, the candidates, what is recommended, how sure that is and why.
func advised(a api.Advice) []string {
	lines := []string{subject(a)}
	if len(a.Candidates) > 0 {
		lines = append(append(lines, ""), candidates(a)...)
	}
	lines = append(lines, "", recommendation(a))
	if a.Basis != "" {
		lines = append(lines, "certainty: "+a.Certainty+". "+a.Basis)
	}
	for _, reason := range a.Reasons {
		lines = append(lines, "- "+reason)
	}
	for _, yaml := range []string{a.TrialYAML, a.YAML} { // first what tries it, then what does it
		if yaml != "" {
			lines = append(lines, "", strings.TrimRight(yaml, "\n"))
		}
	}
	return lines
}

// subject says what the advice is about and on what it rests.
func subject(a api.Advice) string {
	policy := "a policy of its own"
	if a.Policy != "" {
		policy = "policy " + a.Policy
	}
	if a.Kind == "long" || a.Timer != "idle_timeout" {
		policy += ", " + a.Timer + " " + valueOf(a.InForceSeconds)
	}
	if a.DryRunSeconds != nil {
		policy += ", dry run " + figure.Exact(*a.DryRunSeconds)
	}
	noun := "connection"
	if a.Timer == "message_timeout" {
		noun = "message"
	}
	if a.Connections != 1 {
		noun += "s"
	}
	return fmt.Sprintf("route %s, %s: %s %s seen in %s", a.Route, policy, figure.Count(a.Connections), noun, figure.Duration(a.ObservedSeconds))
}

func recommendation(a api.Advice) string {
	switch {
	case a.RecommendedSeconds == nil:
		return "recommended: no change"
	case !a.Enough:
		return "recommended: nothing yet; keep " + a.Timer + " " + figure.Exact(*a.RecommendedSeconds)
	case a.InForceSeconds != nil && *a.InForceSeconds == *a.RecommendedSeconds:
		return "recommended: " + a.Timer + " " + figure.Exact(*a.RecommendedSeconds) + ", as it is"
	}
	return "recommended: " + a.Timer + " " + figure.Exact(*a.RecommendedSeconds)
}

// candidates is the table of values that the timer could have.
func candidates(a api.Advice) []string {
	t := table.New(table.Right("TIMEOUT"), table.Right("FALSE CUTS"), table.Right("DEAD CUTS"),
		table.Right("HOURS RECLAIMED"), table.Left("NOTE"))
	for i, c := range a.Candidates {
		if c.Unknown && i > 0 && a.Candidates[i-1].Unknown && note(a, c.TimeoutSeconds) == "" {
			continue // what is longer than an unknown one is unknown, too
		}
		bound := ""
		if c.Unknown {
			bound = ">="
		}
		t.Row(figure.Exact(c.TimeoutSeconds), bound+figure.Count(c.CutSpoke), bound+figure.Count(c.CutDead),
			bound+hours(c.ReclaimedHours), note(a, c.TimeoutSeconds))
	}
	return t.Lines()
}

// note says what a candidate is beside being one.
func note(a api.Advice, timeout float64) string {
	var notes []string
	for _, is := range []struct {
		value *float64
		note  string
	}{{a.InForceSeconds, "in force"}, {a.DryRunSeconds, "dry run"}, {a.RecommendedSeconds, "recommended"}} {
		if is.value != nil && *is.value == timeout && (a.Enough || is.note != "recommended") {
			notes = append(notes, is.note)
		}
	}
	return strings.Join(notes, ", ")
}

// hours writes connection-hours with one decimal, as all of a column have.
func hours(h float64) string {
	tenths := uint64(math.Round(max(h, 0) * 10))
	return fmt.Sprintf("%s.%d", figure.Count(tenths/10), tenths%10)
}
