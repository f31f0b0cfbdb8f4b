package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes of the chart, in its own units, which are pixels where it is not scaled.
const (
	chartWidth = 880
	margin     = 24
	barHeight  = 11
	barPitch   = 14 // from bar to bar
	groupGap   = 12
	nameWidth  = 252 // left of the axis, for the names of scenarios
	gutter     = 32  // between two panels beside each other
	smallName  = 84  // as nameWidth, in those: the names of proxies
	lineHeight = 15
	// Of one character, about, as fonts differ.
	nameCharacter  = 7
	titleCharacter = 8
)

// chartStyle has the colours for light and for dark pages. Browsers choose; other programs take those for light ones.
const chartStyle = `
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
.back { fill: #ffffff }
.title { font-size: 19px; font-weight: 600 }
.head { font-size: 14px; font-weight: 600 }
.note { fill: #57606a }
.figure { font-size: 11px; stroke: #ffffff; stroke-width: 4px; paint-order: stroke; stroke-linejoin: round }
.axis { font-size: 10px; fill: #57606a }
.grid { stroke: #d8dee4 }
.mark { stroke-width: 2 }
.whisker { stroke: #24292f; opacity: 0.75 }
.cut { stroke: #ffffff; stroke-width: 2 }
.p0 { fill: #0969da; stroke: #0969da } .p1 { fill: #d1590b; stroke: #d1590b } .p2 { fill: #2da44e; stroke: #2da44e }
.p3 { fill: #8c959f; stroke: #8c959f } .p4 { fill: #8250df; stroke: #8250df } .p5 { fill: #bf8700; stroke: #bf8700 }
rect { stroke: none !important }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.back { fill: #0d1117 }
.note, .axis { fill: #9198a1 }
.figure { stroke: #0d1117 }
.grid { stroke: #2f353d }
.whisker { stroke: #e6edf3 }
.cut { stroke: #0d1117 }
.p0 { fill: #4493f8; stroke: #4493f8 } .p1 { fill: #f0883e; stroke: #f0883e } .p2 { fill: #3fb950; stroke: #3fb950 }
.p3 { fill: #7d8590; stroke: #7d8590 } .p4 { fill: #ab7df8; stroke: #ab7df8 } .p5 { fill: #d29922; stroke: #d29922 }
}
`

// colours is how many of the style there are for proxies.
const colours = 6

// drawing is an SVG picture under way.
type drawing struct {
	strings.Builder
	colour map[string]int // of each proxy
}

// chart is the report as an SVG picture. The same report always gives the same bytes.
func (r report) chart() string {
	cost, others := r.panels()
	proxies := r.shown()
	d := &drawing{colour: map[string]int{}}
	for i, proxy := range proxies {
		d.colour[proxy] = i % colours
	}
	y := d.heading(r, proxies)
	if len(cost.groups) > 0 {
		y = d.grouped(cost, r.Unit, y)
	}
	y = d.pairs(others, y)
	var page strings.Builder
	fmt.Fprintf(&page, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		chartWidth, y, chartWidth, y, html.EscapeString(chartTitle(r)))
	fmt.Fprintf(&page, "\n<style>%s</style>\n<rect class=\"back\" width=\"100%%\" height=\"100%%\" rx=\"8\"/>\n", chartStyle)
	page.WriteString(d.String() + "</svg>\n")
	return page.String()
}

func chartTitle(r report) string {
	return "What proxies cost beside " + r.Unit
}

func (d *drawing) heading(r report, proxies []string) (y int) {
	d.text(margin, 36, "title", "start", chartTitle(r))
	m := r.Machine
	d.text(margin, 56, "note", "start", fmt.Sprintf(
		"%d CPUs, %d threads of each proxy, Linux %s. Bars are medians over the rounds, whiskers the least and the most.",
		m.CPUs, m.Threads, m.Kernel))
	x := margin
	for _, proxy := range proxies {
		d.rect(x, 71, barHeight, barHeight, d.class(proxy))
		d.text(x+barHeight+5, 81, "", "start", proxy)
		x += barHeight + 26 + 7*len(proxy)
	}
	return 112
}

// grouped draws a panel over the whole width, its groups below each other.
func (d *drawing) grouped(p panel, unit string, y int) int {
	d.text(margin, y, "head", "start", p.title)
	d.text(chartWidth-margin, y, "note", "end", p.note)
	top := y + 16
	bottom := top
	for _, g := range p.groups {
		bottom += groupHeight(g) + groupGap
	}
	a := axis{x: margin + nameWidth, width: chartWidth - 2*margin - nameWidth - p.room, limit: p.limit}
	d.grid(p, a, top, bottom)
	p.walk(top, func(g barGroup, y int) { d.name(g, a.x-10, y) }, func(b bar, y int) { d.bar(a, y, b) })
	d.marks(p, a, unit, top, bottom)
	p.walk(top, func(barGroup, int) {}, func(b bar, y int) { d.figure(a, y, b) })
	return bottom + 48
}

// walk calls group and bar with the place of each.
func (p panel) walk(top int, group func(barGroup, int), bar func(bar, int)) {
	y := top + groupGap/2
	for _, g := range p.groups {
		group(g, y)
		middle := (groupHeight(g) - len(g.bars)*barPitch) / 2
		for i, b := range g.bars {
			bar(b, y+middle+i*barPitch)
		}
		y += groupHeight(g) + groupGap
	}
}

// groupHeight has room for the bars, and for the name beside them.
func groupHeight(g barGroup) int {
	return max(len(g.bars)*barPitch, len(wrap(g.name, nameWidth/nameCharacter))*lineHeight)
}

// name writes a group's name in the middle of its height, with its end at x.
func (d *drawing) name(g barGroup, x, y int) {
	lines := wrap(g.name, nameWidth/nameCharacter)
	y += (groupHeight(g) - len(lines)*lineHeight) / 2
	for i, line := range lines {
		d.text(x, y+i*lineHeight+11, "", "end", line)
	}
}

// wrap breaks a text into lines of at most the characters given, unless a word is longer. It breaks after the
// last comma where both lines then fit.
func wrap(text string, most int) []string {
	length := func(s string) int { return len([]rune(s)) }
	if at := strings.LastIndex(text, ", "); at > 0 && length(text) > most {
		first, last := text[:at+1], text[at+2:]
		if length(first) <= most && length(last) <= most {
			return []string{first, last}
		}
	}
	var lines []string
	for word := range strings.FieldsSeq(text) {
		last := len(lines) - 1
		if last >= 0 && length(lines[last])+1+length(word) <= most {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

// pairs draws panels of one group, two beside each other.
func (d *drawing) pairs(panels []panel, y int) int {
	width := (chartWidth - 2*margin - gutter) / 2
	for i := 0; i < len(panels); i += 2 {
		bottom := y
		for column, p := range panels[i:min(i+2, len(panels))] {
			bottom = max(bottom, d.single(p, margin+column*(width+gutter), y, width))
		}
		y = bottom + 44
	}
	return y - 16
}

// single draws a panel of one group, whose bars have the names of their proxies.
func (d *drawing) single(p panel, x, y, width int) (bottom int) {
	for _, line := range wrap(p.title, width/titleCharacter) {
		d.text(x, y, "head", "start", line)
		y += lineHeight + 2
	}
	d.text(x, y, "note", "start", p.note)
	bars := p.groups[0].bars
	top := y + 10
	bottom = top + len(bars)*barPitch + groupGap
	a := axis{x: x + smallName, width: width - smallName - p.room, limit: p.limit}
	d.grid(p, a, top, bottom)
	for i, b := range bars {
		at := top + groupGap/2 + i*barPitch
		d.text(a.x-8, at+barHeight-1, "figure", "end", b.proxy)
		d.bar(a, at, b)
		d.figure(a, at, b)
	}
	return bottom
}

func (d *drawing) class(proxy string) string { return fmt.Sprintf("p%d", d.colour[proxy]) }

func (d *drawing) rect(x, y, width, height int, class string) {
	fmt.Fprintf(d, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s\"/>\n", x, y, width, height, class)
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(d, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class)
}

func (d *drawing) text(x, y int, class, anchor, text string) {
	fmt.Fprintf(d, "<text x=\"%d\" y=\"%d\" class=\"%s\" text-anchor=\"%s\">%s</text>\n",
		x, y, class, anchor, html.EscapeString(text))
}
