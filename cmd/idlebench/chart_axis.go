package main

import "fmt"

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
		d.text(int(x), bottom+13, "axis", "middle", fmt.Sprintf(p.tick, figure))
	}
}

func (d *drawing) mark(p panel, a axis, top, bottom int) {
	if p.mark > 0 {
		d.line(a.at(p.mark), float64(top), a.at(p.mark), float64(bottom), "mark")
	}
}

// bar draws a bar, its whiskers and its label.
func (d *drawing) bar(a axis, y int, b bar) {
	start, end := a.at(0), a.at(b.Median)
	middle := float64(y) + barHeight/2.0
	if b.spread != (spread{}) {
		fmt.Fprintf(d, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n",
			start, y, max(end-start, 1), barHeight, d.class(b.proxy))
		d.whisker(a.at(b.Min), a.at(b.Max), middle)
	}
	if b.Median > a.limit {
		d.line(end-9, float64(y+barHeight)+1, end-4, float64(y)-1, "cut")
	}
	d.text(int(max(end, a.at(b.Max)))+6, y+barHeight-1, "figure", "start", b.label)
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
