package main

import (
	"fmt"
	"slices"
	"strings"
)

// markdown is the report as tables for a document: what the proxies cost beside the unit, then every scenario's own
// figures, in one table where they are of one kind.
func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n", markdownText(r.Machine.describe()))
	fmt.Fprintln(&b, "Figures are medians over the rounds, with the least and the most in brackets.")
	b.WriteString("\n" + markdownTable(r.summary(), 2))
	if work := r.comparable(); len(work) > 0 {
		fmt.Fprintf(&b, "\nThe CPU time of each, in bulk that of all three, as a multiple of %s's in the same round:\n\n", markdownText(r.Unit))
		b.WriteString(r.relativeTable(work))
	}
	for _, group := range alike(r.Scenarios) {
		b.WriteString("\n" + detailTable(group))
	}
	return b.String()
}

// describe is the machine in one line.
func (m machine) describe() string {
	s := fmt.Sprintf("%d CPUs, %d threads of each proxy, Linux %s, %s, %s", m.CPUs, m.Threads, m.Kernel, m.Network, m.Go)
	var versions []string
	for _, version := range m.Proxies {
		if version != "" {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return strings.Join(append([]string{s}, versions...), "; ")
}

// comparable are the scenarios that are about the CPU time of work, where the unit was measured, too.
func (r report) comparable() []scenarioReport {
	var work []scenarioReport
	for _, s := range r.Scenarios {
		if s.kind() == aboutCPU && slices.ContainsFunc(s.Entries, func(e entry) bool { return e.Relative != (spread{}) }) {
			work = append(work, s)
		}
	}
	return work
}

// kind is what a scenario says.
type kind int

const (
	aboutCPU    kind = iota // what work costs
	aboutMemory             // what connections that do nothing cost
	aboutTimers             // when connections were closed that were due
)

func (s scenarioReport) kind() kind {
	for _, e := range s.Entries {
		if e.Bytes != (spread{}) {
			return aboutMemory
		}
		if slices.ContainsFunc(e.Samples, func(s sample) bool { return s.Closes.Watched > 0 }) {
			return aboutTimers
		}
	}
	return aboutCPU
}

// relativeTable has a line for each scenario and a column for each proxy that was compared.
func (r report) relativeTable(work []scenarioReport) string {
	proxies := compared(work)
	rows := [][]string{append([]string{"work"}, proxies...)}
	for _, s := range work {
		row := []string{s.What}
		for _, proxy := range proxies {
			row = append(row, s.relativeCell(proxy, r.Unit))
		}
		rows = append(rows, row)
	}
	return markdownTable(rows, 1)
}

// compared are the proxies that have a figure, in the order in which they were named.
func compared(work []scenarioReport) []string {
	var proxies []string
	for _, s := range work {
		for _, e := range s.Entries {
			if e.comparable() && !slices.Contains(proxies, e.Proxy) {
				proxies = append(proxies, e.Proxy)
			}
		}
	}
	return proxies
}

// comparable entries have a relative figure, or would have if they had not failed.
func (e entry) comparable() bool { return e.Relative != (spread{}) || len(e.Faults) > 0 }

func (s scenarioReport) relativeCell(proxy, unit string) string {
	for _, e := range s.Entries {
		switch {
		case e.Proxy != proxy:
		case len(e.Faults) > 0:
			return "failed"
		case proxy == unit:
			return "1"
		default:
			return e.Relative.format("%.2f")
		}
	}
	return "-"
}

// alike groups scenarios that follow each other and have the same columns.
func alike(scenarios []scenarioReport) [][]scenarioReport {
	headings := func(s scenarioReport) []string { return detailHeadings(s.columns) }
	var groups [][]scenarioReport
	for i, s := range scenarios {
		if i > 0 && slices.Equal(headings(s), headings(scenarios[i-1])) {
			last := len(groups) - 1
			groups[last] = append(groups[last], s)
			continue
		}
		groups = append(groups, []scenarioReport{s})
	}
	return groups
}

func detailHeadings(columns []column) []string {
	headings := []string{"work", "proxy"}
	for _, c := range columns {
		headings = append(headings, c.heading)
	}
	return headings
}

// detailTable has a line for each proxy in each scenario, and names a scenario once.
func detailTable(scenarios []scenarioReport) string {
	rows := [][]string{detailHeadings(scenarios[0].columns)}
	for _, s := range scenarios {
		what := s.What
		for _, e := range s.Entries {
			row := []string{what, e.Proxy}
			what = ""
			for i, c := range s.columns {
				switch {
				case len(e.Faults) == 0:
					row = append(row, c.cell(e))
				case i == 0:
					row = append(row, "failed")
				default:
					row = append(row, "")
				}
			}
			rows = append(rows, row)
		}
	}
	return markdownTable(rows, 2)
}

// markdownTable has its headings in the first row. The first few columns are words, the others are figures.
func markdownTable(rows [][]string, words int) string {
	var b strings.Builder
	for i, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(&b, "| %s ", markdownText(cell))
		}
		b.WriteString("|\n")
		if i > 0 {
			continue
		}
		for column := range row {
			rule := "---"
			if column >= words {
				rule = "---:"
			}
			fmt.Fprintf(&b, "| %s ", rule)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// markdownText escapes what Markdown, or the HTML within it, would take for markup.
func markdownText(s string) string {
	return strings.NewReplacer(
		"\n", " ", "|", `\|`, `\`, `\\`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`,
	).Replace(s)
}
