package logsink

// batch is some whole lines and records, one after the other.
type batch struct {
	lines   []byte
	ends    []int // where in lines each line ends; a record takes no bytes there
	records []any // by line; nil where it is one already
	formats int   // how many are records
}

// size is how many bytes it counts for.
func (b *batch) size() int { return len(b.lines) + b.formats*recordBytes }

func (b *batch) add(line []byte, record any) {
	b.lines = append(b.lines, line...)
	b.ends = append(b.ends, len(b.lines))
	b.records = append(b.records, record)
	if record != nil {
		b.formats++
	}
}

// append adds what next has.
func (b *batch) append(next *batch) {
	before := len(b.lines)
	b.lines = append(b.lines, next.lines...)
	for _, end := range next.ends {
		b.ends = append(b.ends, before+end)
	}
	b.records = append(b.records, next.records...)
	b.formats += next.formats
}

// render makes text of the lines from the one with that index on, as many as one write takes, those of records made by format. It
// returns the index to go on with.
func (b *batch) render(text *batch, first int, format func([]byte, any) []byte) (next int) {
	text.clear()
	for next = first; next < len(b.ends) && len(text.lines) < writeBytes; next++ {
		if record := b.records[next]; record != nil {
			text.lines = format(text.lines, record)
		} else {
			text.lines = append(text.lines, b.line(next)...)
		}
		text.ends = append(text.ends, len(text.lines))
	}
	return next
}

func (b *batch) line(i int) []byte {
	if i == 0 {
		return b.lines[:b.ends[0]]
	}
	return b.lines[b.ends[i-1]:b.ends[i]]
}

// clear leaves room for as many again, and keeps no record alive.
func (b *batch) clear() {
	clear(b.records)
	*b = batch{lines: b.lines[:0], ends: b.ends[:0], records: b.records[:0]}
}
