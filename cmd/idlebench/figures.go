package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one number by which proxies are judged in a scenario, each with the spread of its rounds.
type figure struct {
	name   string
	number string // its format
	of     func(entry) spread
}

// The figures. That a proxy has none of them shows as a dash.

func cpuFigure() figure {
	return figure{"CPU / peers' CPU", "%.2f", func(e entry) spread { return e.CPURatio }}
}

// eachFigure is for work of which a proxy may spare the backend its part.
func eachFigure() figure {
	return figure{"CPU µs each", "%.2f", func(e entry) spread { return e.Each }}
}

func latencyFigure() figure {
	return figure{"99th percentile, ms", "%.2f", func(e entry) spread { return e.P99.times(perMilli) }}
}

func bulkFigure() figure {
	return figure{"CPU s a GB, all three", "%.3f", func(e entry) spread { return e.PerGB }}
}

func earliestFigure() figure {
	return figure{"earliest, ms late", "%.2f", func(e entry) spread { return e.Earliest.times(perMilli) }}
}

func lateFigure() figure {
	return figure{"99th percentile, ms late", "%.2f", func(e entry) spread { return e.Late99.times(perMilli) }}
}

func closedFigure() figure {
	return figure{"closed, %", "%.3g", func(e entry) spread { return e.Closed.times(100) }}
}

func bytesFigure() figure {
	return figure{"bytes a connection", "%.0f", func(e entry) spread { return e.Bytes }}
}

func restFigure() figure {
	return figure{"CPU at rest, µs a second", "%.0f", func(e entry) spread { return e.IdleMicros }}
}

const perMilli = 1 / float64(time.Millisecond)

func (f figure) cell(e entry) string {
	if len(e.Faults) > 0 {
		return "failed"
	}
	return f.of(e).format(f.number)
}

// summary has a row for each figure and a column for each proxy, below a row of headings.
func (r report) summary() [][]string {
	proxies := r.proxies()
	rows := [][]string{append([]string{"work", "figure"}, proxies...)}
	for _, s := range r.Scenarios {
		what := s.What
		for _, f := range s.figures {
			row := []string{what, f.name}
			what = "the same"
			for _, proxy := range proxies {
				row = append(row, s.cell(proxy, f))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// proxies are all that were measured, in the order in which they were named.
func (r report) proxies() []string {
	var names []string
	for _, s := range r.Scenarios {
		for _, e := range s.Entries {
			if !slices.Contains(names, e.Proxy) {
				names = append(names, e.Proxy)
			}
		}
	}
	return names
}

func (s scenarioReport) cell(proxy string, f figure) string {
	for _, e := range s.Entries {
		if e.Proxy == proxy {
			return f.cell(e)
		}
	}
	return "-"
}

// writeSummary prints the figures of all scenarios.
func (r report) writeSummary(w io.Writer) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.summary() {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}
