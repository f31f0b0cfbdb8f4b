package policy

import (
	"fmt"
	"strings"
)

// position is where a value stands in the file.
type position struct{ line, column int }

// mark notes where c stands, so that what is found wrong with its value later, outside the file, can be reported there.
func (c cursor) mark() {
	if c.r.marks == nil {
		c.r.marks = map[string]position{}
	}
	c.r.marks[c.path] = position{c.line, c.column}
}

// EndpointPath is the path of an endpoint, as ProblemAt takes it.
func EndpointPath(upstream string, index int) string {
	return fmt.Sprintf("upstreams.%s.endpoints[%d]", upstream, index)
}

// DNSPath is the path of the name that an upstream has its endpoints from.
func (u *Upstream) DNSPath() string {
	if u.DNS.SRV != "" {
		return "upstreams." + u.Name + ".dns.srv"
	}
	return "upstreams." + u.Name + ".dns.name"
}

// ProblemAt is a problem of what stands at path: that of a file, a listener or an endpoint, in the form of Problem.Path. It
// is for those who look at what the file names. Elsewhere, and where the value is a default, its position is the file's
// beginning.
func (c *Config) ProblemAt(path, text string) Problem {
	at, ok := c.marks[path]
	if single := strings.TrimSuffix(path, "[0]"); !ok && single != path { // one value may stand for a list of it
		at, path = c.marks[single], single
	}
	at.line, at.column = max(at.line, 1), max(at.column, 1)
	return Problem{File: c.name, Line: at.line, Column: at.column, Path: path, Text: text}
}
