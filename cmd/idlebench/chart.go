package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// panel is a part of the chart with an axis of its own, which begins at 0.
type panel struct {
	title  string
	note   string // what the axis counts
	groups []barGroup
	mark   float64 // where a line stands; 0: there is none
	limit  float64 // where the axis ends, and longer bars are cut
	step   float64 // between two lines of the axis
	steps  float64 // of the axis, at least
	room   int     // right of the axis, for the labels of the longest bars
}

// barGroup is the bars of one scenario.
type barGroup struct {
	name string
	bars []bar
}

// bar is a figure of one proxy. Without a spread it is only its label.
type bar struct {
	proxy string
	spread
	label string
}

// mostRelative is where the axis of relative figures ends at the latest, so that one long bar does not make all others
// short.
const mostRelative = 2

// panels are what the chart shows: the relative cost of all work together, and each other scenario for itself.
func (r report) panels() (cost panel, others []panel) {
	cost = panel{
		title: fmt.Sprintf("CPU time of the same work, as a multiple of %s's", r.Unit),
		note:  "the line is " + r.Unit + "; shorter is better",
		mark:  1, steps: 4, room: 44,
	}
	for _, s := range r.comparable() {
		cost.groups = append(cost.groups, s.costBars(r.Unit))
	}
	for _, s := range r.Scenarios {
		switch s.kind() {
		case aboutMemory:
			others = append(others, s.memoryPanel())
		case aboutTimers:
			others = append(others, s.timerPanel())
		}
	}
	cost.scale(mostRelative)
	for i := range others {
		others[i].scale(math.Inf(1))
	}
	return cost, others
}

// costBars leave out the unit, which the line stands for.
func (s scenarioReport) costBars(unit string) barGroup {
	g := barGroup{name: s.What}
	for _, e := range s.Entries {
		if e.Proxy != unit && e.comparable() {
			g.bars = append(g.bars, newBar(e, e.Relative, fmt.Sprintf("%.2f", e.Relative.Median)))
		}
	}
	return g
}

func (s scenarioReport) memoryPanel() panel {
	var g barGroup
	for _, e := range s.Entries {
		if e.Bytes != (spread{}) || len(e.Faults) > 0 {
			g.bars = append(g.bars, newBar(e, e.Bytes, thousands(e.Bytes.Median)))
		}
	}
	return panel{title: s.What, note: "bytes of the proxy's memory a connection", groups: []barGroup{g}, steps: 2, room: 72}
}

func (s scenarioReport) timerPanel() panel {
	var g barGroup
	for _, e := range s.Entries {
		g.bars = append(g.bars, newBar(e, e.Late99.times(1/float64(time.Millisecond)), e.promptness()))
	}
	return panel{title: s.What, note: "ms from due to closed, 99th percentile", groups: []barGroup{g}, steps: 2, room: 176}
}

// promptness says how well a proxy closed what was due.
func (e entry) promptness() string {
	if e.Closed.Max == 0 {
		return "never closed"
	}
	var said []string
	if e.Late99.Median >= 0 {
		said = append(said, millis(e.Late99.Median)+" ms")
	}
	if e.Earliest.Min < 0 {
		said = append(said, millis(-e.Earliest.Min)+" ms early")
	}
	if e.Closed.Min < 1 {
		said = append(said, fmt.Sprintf("%.0f%% closed", 100*e.Closed.Median))
	}
	return strings.Join(said, ", ")
}

// millis is for nanoseconds.
func millis(nanoseconds float64) string {
	f := nanoseconds / float64(time.Millisecond)
	if f < 10 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

func newBar(e entry, figure spread, label string) bar {
	if len(e.Faults) > 0 {
		return bar{proxy: e.Proxy, label: "failed"}
	}
	return bar{proxy: e.Proxy, spread: figure, label: label}
}

func (s spread) times(f float64) spread { return spread{s.Median * f, s.Min * f, s.Max * f} }

// thousands groups the digits of a whole number.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// scale ends the axis at a round figure that the longest bar fits in, unless that is more than most.
func (p *panel) scale(most float64) {
	longest := p.mark
	for _, g := range p.groups {
		for _, b := range g.bars {
			longest = max(longest, b.Max)
		}
	}
	longest = min(longest, most)
	if longest <= 0 {
		longest = 1
	}
	p.step = roundStep(longest / p.steps)
	p.limit = p.step * math.Ceil(longest/p.step-1e-9)
}

// roundStep is the largest of 1, 2, 2.5 and 5 times a power of ten that is no more than f.
func roundStep(f float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(f)))
	round := 1.0
	for _, digit := range []float64{2, 2.5, 5} {
		if digit*power <= f {
			round = digit
		}
	}
	return round * power
}

// shown are the proxies that the chart has a place for, in the order in which they were named.
func (r report) shown() []string {
	cost, others := r.panels()
	in := map[string]bool{r.Unit: len(cost.groups) > 0}
	for _, p := range append([]panel{cost}, others...) {
		for _, g := range p.groups {
			for _, b := range g.bars {
				in[b.proxy] = true
			}
		}
	}
	var proxies []string
	for _, s := range r.Scenarios {
		for _, e := range s.Entries {
			if in[e.Proxy] && !slices.Contains(proxies, e.Proxy) {
				proxies = append(proxies, e.Proxy)
			}
		}
	}
	return proxies
}
