package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

func newPlan() *cobra.Command {
	return newRemote(&cobra.Command{
		Use:   "plan FILE|-",
		Short: "Say what an edit of the policy file would change, and what it would end",
		Long: "Say what would change if the gateway's policy file became FILE, and how many open connections of each route the edit\n" +
			"would end: at once, spread over edit_grace, or within the hour. These are figures as things stand: who speaks in time is\n" +
			"not ended, and who always has does not count within the hour. Nothing is changed. Paths in FILE count from the folder of\n" +
			"the gateway's own file. Names are not looked up.",
		Example: "  idlegate plan idlegate.yaml.new\n" +
			"  sed s/90s/45s/ idlegate.yaml | idlegate plan -",
		Args: arguments("FILE"),
	}, func(c *call) error {
		source, err := readSource(c.InOrStdin(), c.args[0])
		if err != nil {
			return err
		}
		if len(source.data) == 0 {
			return fmt.Errorf("%s is empty", c.args[0])
		}
		plan, err := c.gateway.Plan(c.Context(), source.data)
		if err != nil {
			return err
		}
		for i := range plan.Problems {
			plan.Problems[i].File = c.args[0]
		}
		return c.printPlan(plan)
	})
}

// printPlan prints a plan, and fails where the file would be refused.
func (c *call) printPlan(plan api.Plan) error {
	if c.json {
		if err := c.printJSON(plan); err != nil {
			return err
		}
	}
	if !plan.OK {
		for _, p := range plan.Problems {
			c.remark("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
		}
		if len(plan.Problems) == 0 {
			return fmt.Errorf("it would be refused: %s", plan.Error)
		}
		return errors.New("the file would be refused")
	}
	if c.json {
		return nil
	}
	for _, change := range plan.Pending {
		c.remark("%s: would take effect only when the gateway is started again", inWords(change))
	}
	for _, warning := range plan.Warnings {
		c.remark("%s", warning)
	}
	lines := []string{}
	for _, change := range plan.Changes {
		lines = append(lines, inWords(change))
	}
	switch {
	case len(plan.Changes) > 0:
		lines = append(append(lines, ""), consequences(plan)...)
	case len(plan.Pending) > 0:
		lines = append(lines, "nothing would take effect: what else the file says is in force already")
	default:
		lines = append(lines, "nothing would change: what the file says is in force already")
	}
	return c.printLines(lines)
}

// consequences are what a plan ends, a line for each route that the edit concerns.
func consequences(plan api.Plan) []string {
	t := table.New(table.Left("ROUTE"), table.Left("BECOMES"), table.Right("OPEN"), table.Right("AT ONCE"), table.Right("WITHIN THE HOUR"), table.Left("WHY"))
	atOnce, later, rows := 0, 0, 0
	for _, r := range plan.Routes {
		now, soon := r.Ends()
		atOnce, later = atOnce+now, later+soon
		if now+soon == 0 && r.Becomes == "kept" {
			continue
		}
		rows++
		t.Row(r.Route, r.Becomes, figure.Count(uint64(r.Connections)), figure.Count(uint64(now)), figure.Count(uint64(soon)), reasonsOf(r))
	}
	if rows == 0 {
		return []string{"it would end no open connection"}
	}
	return append(t.Lines(), "", fmt.Sprintf("as things stand it would end %s at once, within %s, and %d more within the hour",
		count(atOnce, "connection", "connections"), figure.Exact(plan.EditGraceSeconds), later))
}

// reasonsOf are the reasons for which connections of a route would end, the commonest first.
func reasonsOf(r api.PlannedRoute) string {
	sum := map[string]int{}
	var reasons []string
	for _, counts := range []map[string]int{r.AtOnce, r.WithinHour} {
		for reason, n := range counts {
			if sum[reason] == 0 {
				reasons = append(reasons, reason)
			}
			sum[reason] += n
		}
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(cmp.Compare(sum[b], sum[a]), cmp.Compare(a, b)) })
	words := make([]string, len(reasons))
	for i, reason := range reasons {
		words[i] = fmt.Sprintf("%s %s", reason, figure.Count(uint64(sum[reason])))
	}
	return strings.Join(words, ", ")
}
