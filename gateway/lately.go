package gateway

import (
	"bytes"
	"sync"
)

const (
	// lastLines is how many lines of the log are kept for a report. Ends of connections are not among them: they are listed apart.
	lastLines = 200
	// clippedAt is what is kept of a long line.
	clippedAt = 1 << 10
)

// lately keeps the last lines of the log. It costs the loops nothing: they hand over records, which are made lines elsewhere.
type lately struct {
	mu    sync.Mutex
	lines [lastLines][]byte // Guarded by mu; a ring, whose memory is used again.
	next  int               // Guarded by mu; where the next one goes.
}

// Write keeps one line.
func (l *lately) Write(line []byte) (int, error) {
	whole := len(line)
	line = bytes.TrimSuffix(line, []byte("\n"))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[l.next] = append(l.lines[l.next][:0], line[:min(len(line), clippedAt)]...)
	l.next = (l.next + 1) % lastLines
	return whole, nil
}

// all are the lines, the oldest first.
func (l *lately) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := []string{}
	for i := range l.lines {
		if line := l.lines[(l.next+i)%lastLines]; len(line) > 0 {
			kept = append(kept, string(bytes.ToValidUTF8(line, []byte("?"))))
		}
	}
	return kept
}
