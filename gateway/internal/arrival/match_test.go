package arrival

import (
	"net/netip"
	"testing"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTheMostExactMatchWins(t *testing.T) {
	table := NewTable([]Match{
		0: {},
		1: {ServerNames: []string{"a.example"}},
		2: {ServerNames: []string{"*.example"}},
		3: {ServerNames: []string{"*.b.example", "b.example"}},
		4: {Sources: prefixes("10.0.0.0/8", "2001:db8::/32")},
		5: {Sources: prefixes("10.1.0.0/16")},
		6: {ServerNames: []string{"a.example"}, Sources: prefixes("10.0.0.0/8")},
		7: {ServerNames: []string{"*"}, Sources: prefixes("10.2.0.0/16")},
	})
	for _, test := range []struct {
		name, source string
		want         int
	}{
		{"", "192.0.2.1", 0},
		{"a.example", "192.0.2.1", 1},
		{"a.example", "10.9.0.1", 6},
		{"a.a.example", "192.0.2.1", 2},
		{"example", "192.0.2.1", 0},
		{"b.example", "192.0.2.1", 3},
		{"c.b.example", "192.0.2.1", 3},
		{"d.c.b.example", "10.9.0.1", 3},
		{"xb.example", "192.0.2.1", 2},
		{"other", "192.0.2.1", 0},
		{"other", "10.2.0.1", 7},
		{"other", "10.9.0.1", 4},
		{"", "10.9.0.1", 4},
		{"", "10.1.0.1", 5},
		{"", "10.2.0.1", 4},
		{"", "2001:db8::1", 4},
		{"", "2001:db9::1", 0},
	} {
		if got, ok := table.Route(test.name, netip.MustParseAddr(test.source)); got != test.want || !ok {
			t.Errorf("%q from %s: route %d, %t; want %d", test.name, test.source, got, ok, test.want)
		}
	}
	if got, _ := table.Route("", netip.Addr{}); got != 0 {
		t.Errorf("a client of a unix socket: route %d", got)
	}
}

func TestWhoMatchesNothingHasNoRoute(t *testing.T) {
	table := NewTable([]Match{{ServerNames: []string{"a.example"}}, {Sources: prefixes("10.0.0.0/8")}})
	for _, name := range []string{"", "b.example"} {
		if got, ok := table.Route(name, netip.MustParseAddr("192.0.2.1")); ok {
			t.Errorf("%q: route %d", name, got)
		}
	}
}

func TestTheServerNameIsAwaitedOnlyWhereItDecides(t *testing.T) {
	table := NewTable([]Match{{}, {ServerNames: []string{"a.example"}, Sources: prefixes("10.0.0.0/8")}})
	if !table.NeedsName(netip.MustParseAddr("10.1.1.1")) {
		t.Error("it decides")
	}
	if table.NeedsName(netip.MustParseAddr("192.0.2.1")) || table.NeedsName(netip.Addr{}) {
		t.Error("it does not decide")
	}
}
