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
	nameWidth  = 216 // left of the axis, for the names of scenarios
	figureRoom = 64  // right of it, for figures
	gutter     = 32  // between two panels beside each other
	smallName  = 84  // as nameWidth, in those: the names of proxies
	smallRoom  = 128
	lineHeight = 15
	// Of one character, about, as fonts differ.
	nameCharacter  = 6
	titleCharacter = 8
)

// chartStyle has the colours for light and for dark pages. Browsers choose; other programs take those for light ones.
const chartStyle = `
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
.back { fill: #ffffff }
.title { font-size: 19px; font-weight: 600 }
.head { font-size: 14px; font-weight: 600 }
.note { fill: #57606a }
.figure { font-size: 11px }
.axis { font-size: 10px; fill: #57606a }
.grid { stroke: #d8dee4; stroke-width: 1 }
.mark { stroke: #cf222e; stroke-width: 1.5 }
.whisker { stroke: #24292f; stroke-width: 1; opacity: 0.75 }
.cut { stroke: #ffffff; stroke-width: 2 }
.p0 { fill: #0969da } .p1 { fill: #cf222e } .p2 { fill: #2da44e } .p3 { fill: #8c959f } .p4 { fill: #bf8700 } .p5 { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.back { fill: #0d1117 }
.note, .axis { fill: #9198a1 }
.grid { stroke: #2f353d }
.mark { stroke: #ff7b72 }
.whisker { stroke: #e6edf3 }
.cut { stroke: #0d1117 }
.p0 { fill: #4493f8 } .p1 { fill: #ff7b72 } .p2 { fill: #3fb950 } .p3 { fill: #7d8590 } .p4 { fill: #d29922 } .p5 { fill: #ab7df8 }
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
	all := others
	d := &drawing{colour: map[string]int{}}
	if len(cost.groups) > 0 {
		all = append([]panel{cost}, others...)
	}
	proxies := proxiesOf(all)
	for i, proxy := range proxies {
		d.colour[proxy] = i % colours
	}
	y := d.heading(r, proxies)
	if len(cost.groups) > 0 {
		y = d.grouped(cost, y)
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
func (d *drawing) grouped(p panel, y int) int {
	d.text(margin, y, "head", "start", p.title)
	d.text(chartWidth-margin, y, "note", "end", p.note)
	top := y + 16
	bottom := top
	for _, g := range p.groups {
		bottom += groupHeight(g) + groupGap
	}
	a := axis{x: margin + nameWidth, width: chartWidth - 2*margin - nameWidth - figureRoom, limit: p.limit}
	d.grid(p, a, top, bottom)
	at := top + groupGap/2
	for _, g := range p.groups {
		d.name(g, a.x-10, at)
		middle := (groupHeight(g) - len(g.bars)*barPitch) / 2
		for i, b := range g.bars {
			d.bar(a, at+middle+i*barPitch, b)
		}
		at += groupHeight(g) + groupGap
	}
	d.mark(p, a, top, bottom)
	return bottom + 48
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

// wrap breaks a text into lines of at most so many characters, unless a word is longer.
func wrap(name string, most int) []string {
	var lines []string
	for word := range strings.FieldsSeq(name) {
		last := len(lines) - 1
		if last >= 0 && len([]rune(lines[last]))+1+len([]rune(word)) <= most {
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
	a := axis{x: x + smallName, width: width - smallName - smallRoom, limit: p.limit}
	d.grid(p, a, top, bottom)
	for i, b := range bars {
		at := top + groupGap/2 + i*barPitch
		d.text(a.x-8, at+barHeight-1, "figure", "end", b.proxy)
		d.bar(a, at, b)
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
