package arrival

import (
	"net/netip"
	"slices"
	"strings"
)

// Match is what a route takes of the clients that come to its listeners.
type Match struct {
	ServerNames []string       // names, "*.name" for all below a name, or "*" for any; empty: those without one, too
	Sources     []netip.Prefix // empty: all, also clients of unix sockets, which have no address
}

// Any reports whether m takes everybody whom no other takes.
func (m Match) Any() bool { return len(m.ServerNames) == 0 && len(m.Sources) == 0 }

// Table chooses among the routes of one listener. It never changes.
//
// Of those that match, the most exact server name wins: the name itself, then the longest wildcard, then "*", then none. Where
// that is equal the longest source wins, then none.
type Table struct {
	names map[string][]choice // by name, or by what stands behind "*": ".name", "" for "*" alone
	rest  []choice            // those without a server name
	named []choice            // those with one
}

type choice struct {
	source netip.Prefix // invalid: all
	route  int
}

// NewTable returns a table of the routes with these matches.
func NewTable(matches []Match) *Table {
	t := &Table{names: map[string][]choice{}}
	for route, m := range matches {
		choices := []choice{{route: route}}
		if len(m.Sources) > 0 {
			choices = nil
		}
		for _, source := range m.Sources {
			choices = append(choices, choice{source, route})
		}
		if len(m.ServerNames) == 0 {
			t.rest = append(t.rest, choices...)
		}
		for _, name := range m.ServerNames {
			key := strings.TrimPrefix(name, "*")
			t.names[key] = append(t.names[key], choices...)
			t.named = append(t.named, choices...)
		}
	}
	for _, choices := range t.names {
		order(choices)
	}
	order(t.rest)
	return t
}

// order puts the longest source first.
func order(choices []choice) {
	slices.SortStableFunc(choices, func(a, b choice) int { return b.bits() - a.bits() })
}

func (c choice) bits() int {
	if !c.source.IsValid() {
		return -1
	}
	return c.source.Bits() // of the families that lie in one list each client belongs to one
}

// NeedsName reports whether the server name of a client from source decides. It is invalid for one of a unix socket.
func (t *Table) NeedsName(source netip.Addr) bool {
	_, ok := first(t.named, source)
	return ok
}

// Route returns which route takes a client with that server name, "" for none, from source. ok is false where none does.
func (t *Table) Route(serverName string, source netip.Addr) (route int, ok bool) {
	if serverName == "" || len(t.names) == 0 {
		return first(t.rest, source)
	}
	if route, ok = first(t.names[serverName], source); ok {
		return route, true
	}
	for _, below, more := strings.Cut(serverName, "."); more; _, below, more = strings.Cut(below, ".") {
		if route, ok = first(t.names["."+below], source); ok {
			return route, true
		}
	}
	if route, ok = first(t.names[""], source); ok {
		return route, true
	}
	return first(t.rest, source)
}

func first(choices []choice, source netip.Addr) (route int, ok bool) {
	for _, c := range choices {
		if !c.source.IsValid() || c.source.Contains(source) {
			return c.route, true
		}
	}
	return 0, false
}
