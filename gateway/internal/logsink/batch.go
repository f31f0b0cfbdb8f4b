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

// render appends to text the lines of all, those of records made by format.
func (b *batch) render(text *batch, format func([]byte, any) []byte) {
	begin := 0
	for i, end := range b.ends {
		if record := b.records[i]; record != nil {
			text.lines = format(text.lines, record)
		} else {
			text.lines = append(text.lines, b.lines[begin:end]...)
		}
		text.ends = append(text.ends, len(text.lines))
		begin = end
	}
}

// clear leaves room for as many again, and keeps no record alive.
func (b *batch) clear() {
	clear(b.records)
	*b = batch{lines: b.lines[:0], ends: b.ends[:0], records: b.records[:0]}
}
