package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// column is one figure of a scenario's table.
type column struct {
	heading string
	cell    func(entry) string
}

// exchangeColumns are those of scenarios in which small messages go to and fro.
func exchangeColumns(unit string) []column {
	return append(costColumns(unit), append([]column{
		{"CPU µs each", func(e entry) string { return e.Each.format("%.2f") }},
		{"a second", func(e entry) string { return e.Rate.format("%.0f") }},
	}, latencyColumns()...)...)
}

// bulkColumns count what passes both ways together.
func bulkColumns(unit string) []column {
	return append([]column{
		{"CPU s a GB, all three", func(e entry) string { return e.PerGB.format("%.3f") }},
		{"of " + unit, func(e entry) string { return e.Relative.format("%.2f") }},
		{"the proxy's", func(e entry) string { return e.OwnPerGB.format("%.3f") }},
		{"MB a second", func(e entry) string { return e.Throughput.times(1e-6).format("%.0f") }},
	}, latencyColumns()...)
}

func latencyColumns() []column {
	return []column{
		{"p50 ms", func(e entry) string { return millisOf(e.P50) }},
		{"p99 ms", func(e entry) string { return millisOf(e.P99) }},
		{"p99.9 ms", func(e entry) string { return millisOf(e.P999) }},
	}
}

func costColumns(unit string) []column {
	return []column{
		{"CPU / peers' CPU", func(e entry) string { return e.CPURatio.format("%.3f") }},
		{"of " + unit, func(e entry) string { return e.Relative.format("%.2f") }},
	}
}

func idleColumns(string) []column {
	return []column{
		{"bytes a connection", func(e entry) string { return e.Bytes.format("%.0f") }},
		{"idle CPU, µs a second", func(e entry) string { return e.IdleMicros.format("%.0f") }},
	}
}

func dueColumns(string) []column {
	return []column{
		{"closed", closed},
		{"earliest", func(e entry) string { return lateness(e.Earliest, e.Earliest.Min) }},
		{"p50 late", func(e entry) string { return lateness(e.Late50, e.Late50.Median) }},
		{"p99 late", func(e entry) string { return lateness(e.Late99, e.Late99.Median) }},
	}
}

// trickleColumns say when connections were closed, rather than how late, since few of the proxies mean to.
func trickleColumns(timeout time.Duration) func(string) []column {
	after := func(e entry) string {
		if e.Closed.Max == 0 {
			return "never closed"
		}
		return fmt.Sprintf("after %.3f s", timeout.Seconds()+e.Late50.Median/float64(time.Second))
	}
	return func(string) []column { return []column{{"closed", closed}, {"since the first byte", after}} }
}

func stallColumns(string) []column {
	return []column{
		{"bytes a connection", func(e entry) string { return e.Bytes.format("%.0f") }},
	}
}

func closed(e entry) string { return fmt.Sprintf("%.4g%%", 100*e.Closed.Median) }

// lateness is a dash where nothing was closed at all.
func lateness(s spread, nanoseconds float64) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf("%.2f ms", nanoseconds/float64(time.Millisecond))
}

// writeTable prints one scenario. Median first, then the extremes.
func (r scenarioReport) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "\n%s (%s)\n", r.What, r.Name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  proxy")
	for _, c := range r.columns {
		fmt.Fprintf(t, "\t%s", c.heading)
	}
	fmt.Fprintln(t)
	for _, e := range r.Entries {
		fmt.Fprintf(t, "  %s", e.Proxy)
		if len(e.Faults) > 0 {
			fmt.Fprintf(t, "\tFAILED: %s\n", strings.ReplaceAll(strings.TrimSpace(e.Faults[0]), "\n", "\n    "))
			continue
		}
		for _, c := range r.columns {
			fmt.Fprintf(t, "\t%s", c.cell(e))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// format returns "median (least..most)", or a dash where there is nothing.
func (s spread) format(number string) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf(number+" ("+number+".."+number+")", s.Median, s.Min, s.Max)
}

// millisOf is for spreads of nanoseconds.
func millisOf(s spread) string { return s.times(1 / float64(time.Millisecond)).format("%.2f") }
