package logsink

import (
	"io"
	"sync"
)

// Dest is a destination of lines. A Sink that comes back to one which it left in the middle of a line, or of a write that
// has not returned, goes on where that ended.
type Dest struct {
	w io.Writer // set once; not closed

	// Guarded by mu, which is held during a write.
	mu   sync.Mutex
	torn bool // it ends with a part of a line
}

// NewDest returns a destination that nothing was written to. There is one for each w at most.
func NewDest(w io.Writer) *Dest { return &Dest{w: w} }

// write gives a batch to the destination and tells how many of its lines arrived whole. What an error leaves over is not
// tried again: the lines behind it are due by then. The caller holds mu.
func (d *Dest) write(b batch) int {
	if len(b.lines) == 0 {
		return len(b.ends) // all were records of which no line was made
	}
	if !d.mend() {
		return 0
	}
	n, _ := d.w.Write(b.lines) // how many were lost is in the error; a log about the log would meet the same one
	if n >= len(b.lines) {
		return len(b.ends)
	}
	n = max(n, 0)
	arrived := 0
	for arrived < len(b.ends) && b.ends[arrived] <= n {
		arrived++
	}
	d.torn = n > 0 && (arrived == 0 || b.ends[arrived-1] < n)
	return arrived
}

// mend ends a line that was cut off, so that the next one begins a line.
func (d *Dest) mend() bool {
	if !d.torn {
		return true
	}
	n, _ := d.w.Write([]byte{'\n'})
	d.torn = n != 1
	return !d.torn
}
