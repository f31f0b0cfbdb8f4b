// Package table lays rows out in columns.
//
// Columns are as wide as what is in them, two spaces apart; numbers stand at the right of theirs, so that they can be
// compared at a glance. A cell with nothing in it is written '-': a column never seems to be missing, and the words of a line
// can be counted by scripts.
//
//	t := table.New(table.Left("ROUTE"), table.Right("CONNECTIONS"))
//	t.Row("devices", "12")
//	lines := t.Lines()
package table

import (
	"strings"
	"unicode/utf8"
)

const gap = "  "

// Column is one column and its head.
type Column struct {
	head  string
	right bool
}

// Left is a column of text.
func Left(head string) Column { return Column{head: head} }

// Right is a column of numbers.
func Right(head string) Column { return Column{head: head, right: true} }

// Table collects rows.
type Table struct {
	columns []Column
	rows    [][]string // each as long as columns; the first is the head
}

// New makes a table without rows.
func New(columns ...Column) *Table {
	t := &Table{columns: columns}
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.head
	}
	t.rows = [][]string{head}
	return t
}

// Row adds a row; cells that are missing have nothing in them.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.columns))
	for i := range row {
		row[i] = "-"
		if i < len(cells) && cells[i] != "" {
			row[i] = cells[i]
		}
	}
	t.rows = append(t.rows, row)
}

// Lines is the head and all rows, without spaces at their ends.
func (t *Table) Lines() []string { return t.lines(t.widths()) }

// Within is Lines, but as long as they are wider than width one column after the other is left out, in the order of these
// heads. A width of 0 is no bound.
func (t *Table) Within(width int, dispensable ...string) []string {
	widths := t.widths()
	for _, head := range dispensable {
		if width <= 0 || total(widths) <= width {
			break
		}
		for i, c := range t.columns {
			if c.head == head {
				widths[i] = omitted
			}
		}
	}
	return t.lines(widths)
}

// omitted is the width of a column that is left out.
const omitted = -1

func (t *Table) widths() []int {
	widths := make([]int, len(t.columns))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// total is how wide a line is at most.
func total(widths []int) int {
	sum := -len(gap)
	for _, width := range widths {
		if width != omitted {
			sum += width + len(gap)
		}
	}
	return sum
}

func (t *Table) lines(widths []int) []string {
	lines := make([]string, len(t.rows))
	for n, row := range t.rows {
		var cells []string
		for i, cell := range row {
			if widths[i] == omitted {
				continue
			}
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.columns[i].right {
				cells = append(cells, space+cell)
			} else {
				cells = append(cells, cell+space)
			}
		}
		lines[n] = strings.TrimRight(strings.Join(cells, gap), " ")
	}
	return lines
}
