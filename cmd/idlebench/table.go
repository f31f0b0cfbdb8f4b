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
	return append(costColumns(unit),
		column{"CPU µs each", func(e entry) string { return e.Each.median("%.2f") }},
		column{"a second", func(e entry) string { return e.Rate.median("%.0f") }},
		column{"p50", func(e entry) string { return micros(e.P50) }},
		column{"p99", func(e entry) string { return micros(e.P99) }},
		column{"p99.9", func(e entry) string { return micros(e.P999) }},
	)
}

// bulkColumns count what passes both ways together.
func bulkColumns(unit string) []column {
	return append(costColumns(unit),
		column{"CPU ms a GiB", func(e entry) string { return e.PerGiB.format("%.0f") }},
		column{"MiB a second", func(e entry) string {
			return fmt.Sprintf("%.0f", e.Throughput.Median/(1<<20))
		}},
		column{"p50", func(e entry) string { return micros(e.P50) }},
		column{"p99", func(e entry) string { return micros(e.P99) }},
		column{"p99.9", func(e entry) string { return micros(e.P999) }},
	)
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

// median returns the median alone, or a dash where there is nothing.
func (s spread) median(number string) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf(number, s.Median)
}

// micros is for spreads of nanoseconds.
func micros(s spread) string {
	return fmt.Sprintf("%.0fµs", s.Median/float64(time.Microsecond))
}
