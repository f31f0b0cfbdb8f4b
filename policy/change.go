package policy

import (
	"strings"
	"unicode/utf8"
)

// Change is one thing that an edit of the file changes, in the words of the file. From is "" for what is added and To for
// what is removed; both are for a route, a policy or an upstream that is removed.
type Change struct {
	Path    string // as of a Problem, but routes go by name: routes.devices.limits.connections
	From    string
	To      string
	Restart bool // a running gateway keeps what it has until it is started again
}

// longest is the length in bytes to which String cuts a change; paths and names are bounded, values need not be.
const longest = 200

// String is path: from -> to, or path: added to, or path: removed from. What does not fit ends in "...".
func (c Change) String() string {
	const words = len(": removed ")
	from, to := abridge(c.From, c.To, longest-len(c.Path)-words)
	switch {
	case c.To == "":
		return strings.TrimSuffix(c.Path+": removed "+from, " ")
	case c.From == "":
		return c.Path + ": added " + to
	}
	return c.Path + ": " + from + " -> " + to
}

// abridge cuts a and b to most bytes together. A long beginning that they share goes first, since the difference counts.
func abridge(a, b string, most int) (string, string) {
	const dots, context = len("..."), 10
	if len(a)+len(b) <= most {
		return a, b
	}
	if same := sharedLength(a, b) - context; same > dots {
		for !utf8.RuneStart(a[same]) {
			same--
		}
		a, b = "..."+a[same:], "..."+b[same:]
	}
	half := max(most/2, context)
	return clipTo(a, max(half, most-len(b))-dots), clipTo(b, max(half, most-len(a))-dots)
}

func sharedLength(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// needsRestart says that a running gateway does not take over what stands at path. The admin server is what a reload may
// have been asked through and what tells how it went, so an edit never moves it or locks its callers out. Event loops own
// their sessions, which cannot change to another loop, so their number is that of the start.
func needsRestart(path string) bool {
	return strings.HasPrefix(path, "admin.") || path == "gateway.loops"
}

// UntilRestart is c with what needs a restart as start has it, the policy that the gateway runs with: what is in force until it
// is started again.
func (c *Config) UntilRestart(start *Config) *Config {
	running := *c
	running.Admin = start.Admin
	running.Gateway.Loops = start.Gateway.Loops
	return &running
}
