package upstream

import (
	"slices"
	"strings"
	"testing"
)

func set(balance Balance, n int) *Set {
	var endpoints []*Endpoint
	for i := range n {
		endpoints = append(endpoints, &Endpoint{Name: string(rune('a' + i))})
	}
	return New(balance, endpoints)
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

func TestAnEndpointThatLeavesIsNotPicked(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin} {
		s := set(balance, 3)
		s.Endpoints[1].SetLeaving(&Leave{Since: 1})
		for range 6 {
			if e := s.Pick(&Tried{}); e.Name == "b" {
				t.Errorf("balance %d picked the one that leaves", balance)
			}
		}
		s.Endpoints[1].SetLeaving(nil)
		if got := picks(s, 3); !strings.Contains(got, "b") {
			t.Errorf("balance %d picked %s, and never the one that stays after all", balance, got)
		}
	}
}

func TestTheLastAttemptIsKnown(t *testing.T) {
	var e Endpoint
	if _, _, ok := e.Last(); ok {
		t.Error("there is a last attempt before the first")
	}
	e.Attempted(OK, 5e18/4)
	e.Attempted(TimedOut, 5e18/4+7)
	if r, at, ok := e.Last(); r != TimedOut || at != 5e18/4+7 || !ok {
		t.Errorf("the last attempt was %v at %d", r, at)
	}
	if e.Attempts(OK) != 1 || e.Attempts(TimedOut) != 1 || e.Attempts(Refused) != 0 {
		t.Error("the attempts are not counted by their results")
	}
}
