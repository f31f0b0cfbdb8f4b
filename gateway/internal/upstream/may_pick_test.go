package upstream

import (
	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/reactor"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestARetryGoesElsewhereUntilAllWereTried(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin, Random, SourceHash} {
		s, u := set(balance, 3), Use{}
		var names []string
		for s.Pick(&u, client(1), 0) {
			names = append(names, u.Name)
			s.Failed(&u, Refused, "refused", 0)
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"a", "b", "c"}) {
			t.Errorf("balance %d tried %v, want each once", balance, names)
		}
		if u.Attempts() != 3 {
			t.Errorf("%d attempts", u.Attempts())
		}
	}
}

func TestAFailureOfOurOwnIsNotTheEndpoints(t *testing.T) {
	s := set(LeastConnections, 1)
	var u Use
	for range 5 {
		if !s.Pick(&u, client(0), 0) {
			t.Fatal("it may not be tried again")
		}
		s.Failed(&u, Local, "no port", 0)
		u.MayRetry()
	}
	if h := s.Members[0].Health(); h.Ejected || h.Failures != 0 || s.Members[0].Attempts(Local) != 5 {
		t.Errorf("it counts against the endpoint: %+v", h)
	}
	s.Pick(&u, client(0), 0)
	s.Failed(&u, Local, "no port", 0)
	if s.Pick(&u, client(0), 0) {
		t.Error("it is tried again, though nobody said that it may")
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin, Random, SourceHash} {
		s, from := set(balance, 10), client(7)
		if n := testing.AllocsPerRun(100, func() {
			var u Use
			s.Pick(&u, from, 0)
			s.Ended(&u, Ending{}, 0)
		}); n != 0 {
			t.Errorf("balance %d: %v allocations", balance, n)
		}
	}
}

func TestAnEndpointThatDrainsIsNotPicked(t *testing.T) {
	for _, balance := range []Balance{LeastConnections, RoundRobin} {
		s := set(balance, 3)
		s.Members[1].SetDraining(drain.Order{Since: 1})
		if got := picks(s, 6); strings.Contains(got, "b") {
			t.Errorf("balance %d picked %s, with one that drains", balance, got)
		}
		s.Members[1].Undrain()
		if got := picks(s, 3); !strings.Contains(got, "b") {
			t.Errorf("balance %d picked %s, and never the one that stays after all", balance, got)
		}
	}
}

func TestAnEndpointWithoutAnAddressIsNotPicked(t *testing.T) {
	s := New(Config{Members: append(members(1), Member{Endpoint: &Endpoint{Name: "unknown", ID: 9}, Weight: 1})})
	if got := picks(s, 3); got != "aaa" {
		t.Errorf("picked %s", got)
	}
	s.Members[1].Move(reactor.TCP(netip.MustParseAddrPort("127.0.0.1:9001")))
	if got := picks(s, 1); got != "unknown" {
		t.Errorf("picked %s, want the one that has an address now", got)
	}
}

func TestABackupIsUsedWhereNoOtherCanBe(t *testing.T) {
	all := members(3)
	all[0].Backup = true
	s := New(Config{Members: all, MaxConnections: 2, Eject: rule})
	if got := picks(s, 4); strings.Contains(got, "a") {
		t.Errorf("picked %s, with the backup", got)
	}
	if got := picks(s, 2); got != "aa" {
		t.Errorf("picked %s, want the backup: the others are full", got)
	}
	if settle(s, client(0), 0) != nil {
		t.Error("there is a place where there should be none")
	}
}

// TestMaxConnectionsIsNeverOverrun picks from many goroutines.
func TestMaxConnectionsIsNeverOverrun(t *testing.T) {
	s := New(Config{Members: members(2), MaxConnections: 5})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				var u Use
				if s.Pick(&u, client(0), 0) {
					s.Ended(&u, Ending{}, 0)
				}
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		if settle(s, client(0), 0) == nil {
			t.Fatalf("%d places were found, want all 10", i)
		}
	}
	if settle(s, client(0), 0) != nil {
		t.Error("an eleventh place was found")
	}
}

func TestTheLastAttemptIsKnown(t *testing.T) {
	var e Endpoint
	if _, _, ok := e.Last(); ok {
		t.Error("there is a last attempt before the first")
	}
	e.attempted(OK, 5e17)
	e.attempted(TimedOut, 5e17+7)
	if r, at, ok := e.Last(); r != TimedOut || at != 5e17+7 || !ok {
		t.Errorf("the last attempt was %v at %d", r, at)
	}
	if e.Attempts(OK) != 1 || e.Attempts(TimedOut) != 1 || e.Attempts(Refused) != 0 {
		t.Error("the attempts are not counted by their results")
	}
}
