// Package listing lays open connections out in a table.
//
// The command that lists them and the live view show the same columns: who knows the one can read the other.
//
//	lines := listing.Lines(page.Connections, 0) // the first is the head
package listing

import (
	"strconv"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/table"
	"idlegate/gateway/admin/api"
)

// Lines is the head of the table and a line a connection. Where they would be wider than width, columns that can be done without
// are left out: what a connection is, and what ends it when, is said to the last. A width of 0 is no bound.
func Lines(connections []api.Connection, width int) []string {
	t := table.New(table.Right("ID"), table.Left("ROUTE"), table.Left("CLIENT"), table.Left("ENDPOINT"), table.Left("STATE"),
		table.Right("AGE"), table.Right("SILENCE"), table.Right("MESSAGES"), table.Right("BYTES"), table.Left("NEXT"))
	for _, one := range connections {
		t.Row(strconv.FormatUint(one.ID, 10), one.Route, one.Client, one.Endpoint, string(one.State),
			figure.Duration(one.AgeSeconds), figure.Duration(one.SilenceSeconds),
			figure.Count(one.ClientMessages+one.UpstreamMessages), figure.Size(one.ClientBytes+one.UpstreamBytes), next(one))
	}
	return t.Within(width, "ENDPOINT", "BYTES", "MESSAGES", "STATE", "AGE", "ROUTE")
}

// next is the timer that ends a connection, and when: idle_timeout in 41s.
func next(c api.Connection) string {
	if c.NextTimer == "" || c.DueSeconds == nil {
		return c.NextTimer
	}
	return c.NextTimer + " in " + figure.Duration(*c.DueSeconds)
}
