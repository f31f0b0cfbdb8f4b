package upstream

import (
	"slices"
	"testing"
)

func set(balance Balance, n int) *Set {
	var endpoints []*Endpoint
	for i := range n {
		endpoints = append(endpoints, &Endpoint{Name: string(rune('a' + i))})
	}
	return New("u", balance, endpoints)
}

func picks(s *Set, n int) (names string) {
	for range n {
		e := s.Pick(&Tried{})
		e.Opened()
		names += e.Name
	}
	return names
}

func TestRoundRobinTakesTurns(t *testing.T) {
	if got := picks(set(RoundRobin, 3), 7); got != "abcabca" {
		t.Errorf("picked %s", got)
	}
}

func TestLeastConnectionsEvensOut(t *testing.T) {
	s := set(LeastConnections, 3)
	s.Endpoints[1].Opened()
	s.Endpoints[1].Opened()
	picks(s, 7)
	for _, e := range s.Endpoints {
		if e.Open() != 3 {
			t.Errorf("%s has %d connections, want 3 each", e.Name, e.Open())
		}
	}
	s.Endpoints[2].Closed()
	if got := picks(s, 1); got != "c" {
		t.Errorf("picked %s, want the one that one has left", got)
	}
}

func TestARetryGoesElsewhereUntilAllWereTried(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin} {
		s, tried := set(balance, 3), Tried{}
		var names []string
		for e := s.Pick(&tried); e != nil; e = s.Pick(&tried) {
			names = append(names, e.Name)
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"a", "b", "c"}) {
			t.Errorf("balance %d tried %v, want each once", balance, names)
		}
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	s := set(LeastConnections, 10)
	if n := testing.AllocsPerRun(100, func() {
		tried := Tried{}
		s.Pick(&tried)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
