package main

import (
	"fmt"
	"strings"
)

// axis maps figures from 0 to limit to places from x on.
type axis struct {
	x, width int
	limit    float64
}

func (a axis) at(figure float64) float64 {
	share := min(max(figure/a.limit, 0), 1)
	return float64(a.x) + share*float64(a.width)
}

// grid draws the lines of an axis and their figures.
func (d *drawing) grid(p panel, a axis, top, bottom int) {
	for i := 0; float64(i)*p.step <= p.limit*(1+1e-9); i++ {
		figure := float64(i) * p.step
		x := a.at(figure)
		d.line(x, float64(top), x, float64(bottom), "grid")
		d.text(int(x), bottom+13, "axis", "middle", tick(figure, p.step))
	}
}

// tick has as many decimals as the step of its axis needs.
func tick(figure, step float64) string {
	if step >= 1 {
		return thousands(figure)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.2f", figure), "0")
}

// marks draws the line that bars are compared with.
func (d *drawing) marks(p panel, a axis, unit string, top, bottom int) {
	if p.mark > 0 {
		d.line(a.at(p.mark), float64(top), a.at(p.mark), float64(bottom), "mark "+d.class(unit))
	}
}

// bar draws a bar without its label, which nothing may cross.
func (d *drawing) bar(a axis, y int, b bar) {
	if b.spread == (spread{}) {
		return
	}
	start, end := a.at(0), a.at(b.Median)
	fmt.Fprintf(d, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n",
		start, y, max(end-start, 1), barHeight, d.class(b.proxy))
	d.whisker(a.at(b.Min), a.at(b.Max), float64(y)+barHeight/2.0)
	if b.Median > a.limit {
		d.line(end-9, float64(y+barHeight)+1, end-4, float64(y)-1, "cut")
	}
}

// figure writes a bar's label at its end.
func (d *drawing) figure(a axis, y int, b bar) {
	d.text(int(max(a.at(b.Median), a.at(b.Max)))+6, y+barHeight-1, "figure", "start", b.label)
}

func (d *drawing) whisker(from, to, y float64) {
	const tip = 3.0
	if to-from < 1 {
		return
	}
	d.line(from, y, to, y, "whisker")
	d.line(from, y-tip, from, y+tip, "whisker")
	d.line(to, y-tip, to, y+tip, "whisker")
}
