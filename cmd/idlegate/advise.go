package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

// tolerated is the share of connections that may be cut though they would speak again, unless --tolerance says otherwise.
const tolerated = 0.001

func newAdvise() *cobra.Command {
	var route string
	tolerance := shareFlag(tolerated)
	cmd := newRemote(&cobra.Command{
		Use:   "advise",
		Short: "Recommend idle_timeout for each route, from what its connections did",
		Long: "Recommend idle_timeout for each route, from the silences of its connections since the gateway started. A table says\n" +
			"of every candidate how many connections it would have cut that spoke again afterwards, how many that never did, and\n" +
			"the hours that silent connections would have been open for less. Figures behind >= are lower bounds: the timeout in\n" +
			"force has ended what would have told more, and a longer one can only be tried.",
		Example: "  idlegate advise --route devices\n" +
			"  idlegate advise --tolerance 0.5% -o json",
		Args: arguments(),
	}, func(c *call) error {
		advices, err := c.gateway.Advise(c.Context(), route, float64(tolerance))
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(advices)
		}
		for i, advice := range advices.Advices {
			lines := advised(advice)
			if i > 0 {
				lines = append([]string{""}, lines...)
			}
			if err := c.printLines(lines); err != nil {
				return err
			}
		}
		return nil
	})
	cmd.Flags().StringVar(&route, "route", "", "only for this `ROUTE`")
	cmd.Flags().Var(&tolerance, "tolerance", "share of connections that may be cut though they would speak again")
	complete(cmd, "route", routeNames())
	return cmd
}

// advised is the advice on one route: on what it rests, the candidates, what is recommended and why.
func advised(a api.Advice) []string {
	lines := []string{subject(a)}
	if len(a.Candidates) > 0 {
		lines = append(append(lines, ""), candidates(a)...)
	}
	lines = append(lines, "", recommendation(a))
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
	value := "off"
	if a.InForceSeconds != nil {
		value = figure.Exact(*a.InForceSeconds)
	}
	if a.Kind == "long" {
		policy += ", idle_timeout " + value
	}
	if a.DryRunSeconds != nil {
		policy += ", dry run " + figure.Exact(*a.DryRunSeconds)
	}
	noun := "connections"
	if a.Connections == 1 {
		noun = "connection"
	}
	return fmt.Sprintf("route %s, %s: %s %s seen in %s", a.Route, policy, figure.Count(a.Connections), noun, figure.Duration(a.ObservedSeconds))
}

func recommendation(a api.Advice) string {
	switch {
	case a.RecommendedSeconds == nil:
		return "recommended: no change"
	case !a.Enough:
		return "recommended: nothing yet; keep idle_timeout " + figure.Exact(*a.RecommendedSeconds)
	case a.InForceSeconds != nil && *a.InForceSeconds == *a.RecommendedSeconds:
		return "recommended: idle_timeout " + figure.Exact(*a.RecommendedSeconds) + ", as it is"
	}
	return "recommended: idle_timeout " + figure.Exact(*a.RecommendedSeconds)
}

// candidates is the table of values that idle_timeout could have.
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
