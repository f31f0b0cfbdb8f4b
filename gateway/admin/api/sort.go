package api

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// SortKeys are what connections can be sorted by. due puts those that no timer ends last.
func SortKeys() []string {
	return []string{"id", "route", "client", "endpoint", "state", "age", "silence", "bytes", "messages", "due"}
}

// Sort sorts by a key of SortKeys, "-" before it: descending; equals by id. "" is by id.
func Sort(all []Connection, key string) {
	key, down := strings.CutPrefix(key, "-")
	by := order(key)
	slices.SortFunc(all, func(a, b Connection) int {
		if key == "due" && (a.DueSeconds == nil) != (b.DueSeconds == nil) {
			return by(&a, &b) // those that no timer ends are last either way
		}
		n := by(&a, &b)
		if down {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.ID, b.ID))
	})
}

func order(key string) func(a, b *Connection) int {
	type pair = *Connection
	switch key {
	case "route":
		return func(a, b pair) int { return cmp.Compare(a.Route, b.Route) }
	case "client":
		return compareClients
	case "endpoint":
		return func(a, b pair) int { return cmp.Compare(a.Endpoint, b.Endpoint) }
	case "state":
		return func(a, b pair) int { return cmp.Compare(a.State, b.State) }
	case "age":
		return func(a, b pair) int { return cmp.Compare(a.AgeSeconds, b.AgeSeconds) }
	case "silence":
		return func(a, b pair) int { return cmp.Compare(a.SilenceSeconds, b.SilenceSeconds) }
	case "bytes":
		return func(a, b pair) int {
			return cmp.Compare(a.ClientBytes+a.UpstreamBytes, b.ClientBytes+b.UpstreamBytes)
		}
	case "messages":
		return func(a, b pair) int {
			return cmp.Compare(a.ClientMessages+a.UpstreamMessages, b.ClientMessages+b.UpstreamMessages)
		}
	case "due":
		return compareDue
	}
	return func(a, b pair) int { return cmp.Compare(a.ID, b.ID) }
}

// compareClients orders addresses as numbers, not as text.
func compareClients(a, b *Connection) int {
	from, err := netip.ParseAddrPort(a.Client)
	to, other := netip.ParseAddrPort(b.Client)
	if err != nil || other != nil {
		return cmp.Compare(a.Client, b.Client)
	}
	return from.Compare(to)
}

func compareDue(a, b *Connection) int {
	switch {
	case a.DueSeconds != nil && b.DueSeconds != nil:
		return cmp.Compare(*a.DueSeconds, *b.DueSeconds)
	case a.DueSeconds != nil:
		return -1
	case b.DueSeconds != nil:
		return 1
	}
	return 0
}
