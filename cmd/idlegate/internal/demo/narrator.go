package demo

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// narrator writes what people read, a line at a time.
type narrator struct {
	// Guarded by mu.
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out} }

// start sets the zero of the time that say shows.
func (n *narrator) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.began = time.Now()
}

// line writes a line as it is.
func (n *narrator) line(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, format+"\n", args...)
}

// say tells what happens to someone now.
func (n *narrator) say(who, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "%5.1fs  %-8s %s\n", time.Since(n.began).Seconds(), who, text)
}

// end tells how a client's connection ended, and why.
func (n *narrator) end(p part, e end) {
	by := "closed by the gateway"
	if p.after == 0 {
		by = "done"
	}
	n.say(p.name, fmt.Sprintf("%s, %s: %s", by, e.reason, p.why))
}

// summary writes what was promised and what was seen, and returns how many of the checks failed.
func (n *narrator) summary(connections, figures []check) (broken int) {
	n.line("\nWhat was promised, and what was seen:\n")
	for _, c := range connections {
		n.line("  %-8s %-38s %-44s %s", c.name, c.promised, c.seen, c.word())
	}
	n.line("\nWhat /metrics says about it:\n")
	for _, c := range figures {
		n.line("  %-75s %-5s %s", c.name, c.seen, c.word())
	}
	for _, c := range append(connections, figures...) {
		if !c.kept {
			broken++
		}
	}
	if broken == 0 {
		n.line("\nPASS: all of it was as promised.")
	} else {
		n.line("\nFAIL: %d checks were not as promised.", broken)
	}
	return broken
}

func (c check) word() string {
	if c.kept {
		return "as promised"
	}
	return "BROKEN, promised was " + c.promised
}
