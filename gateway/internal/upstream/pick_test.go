package upstream

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/internal/drain"
	"idlegate/gateway/internal/reactor"
)

// rule is the ejection of these tests.
var rule = Eject{Failures: 3, For: 10 * time.Second}

func members(n int) (all []Member) {
	for i := range n {
		e := &Endpoint{Name: string(rune('a' + i)), ID: ID(i + 1)}
		e.Move(reactor.TCP(netip.MustParseAddrPort("127.0.0.1:9000")))
		all = append(all, Member{Endpoint: e, Weight: 1})
	}
	return all
}

func set(balance Balance, n int) *Set {
	return New(Config{Balance: balance, Members: members(n), Eject: rule})
}

// client returns the source of the n-th client.
func client(n int) *Source { return &Source{14: byte(n >> 8), 15: byte(n)} }

// settle picks for one connection and has it stand.
func settle(s *Set, from *Source, now int64) *Use {
	u := &Use{}
	if !s.Pick(u, from, now) {
		return nil
	}
	u.Connected(now)
	u.Settled(now)
	return u
}

func picks(s *Set, n int) (names string) {
	for i := range n {
		names += settle(s, client(i), 0).Name
	}
	return names
}

func TestRoundRobinTakesTurns(t *testing.T) {
	if got := picks(set(RoundRobin, 3), 7); got != "abcabca" {
		t.Errorf("picked %s", got)
	}
}

func other() reactor.Address { return reactor.TCP(netip.MustParseAddrPort("127.0.0.1:9001")) }

func TestRoundRobinSharesTheTurnsOfOneThatIsOutAmongAll(t *testing.T) {
	s := set(RoundRobin, 3)
	s.Members[1].SetDraining(drain.Order{Since: 1})
	if got := picks(s, 6); got != "acacac" {
		t.Errorf("picked %s, want the two that are left in turn", got)
	}
}

func TestRoundRobinGoesOnWhereEndpointsComeAndGo(t *testing.T) {
	all, got := members(3), ""
	var before *Set
	for range 6 {
		before = New(Config{Balance: RoundRobin, Members: all, After: before})
		got += picks(before, 1)
	}
	if got != "abcabc" {
		t.Errorf("picked %s, want no endpoint to get every turn", got)
	}
}

// TestRoundRobinIsSmooth holds every beginning of the turns to the weights: no endpoint is ahead or behind by much.
func TestRoundRobinIsSmooth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		all, sum := members(2+random.IntN(5)), 0
		for i := range all {
			all[i].Weight = 1 + random.IntN(20)
			sum += all[i].Weight
		}
		s, counts := New(Config{Balance: RoundRobin, Members: all}), make([]float64, len(all))
		for n := 1; n <= 3*sum; n++ {
			u := settle(s, client(0), 0)
			counts[u.ID-1]++
			for i, m := range all {
				due := float64(n*m.Weight) / float64(sum)
				if off := math.Abs(counts[i] - due); off > 1+float64(m.Weight*len(all))/float64(2*sum) {
					t.Fatalf("weights %v: after %d turns %s had %v, want %.1f", weights(all), n, m.Name, counts[i], due)
				}
			}
		}
	}
}

func weights(all []Member) (w []int) {
	for _, m := range all {
		w = append(w, m.Weight)
	}
	return w
}

func TestRandomDrawsTwoThatDiffer(t *testing.T) {
	s := set(Random, 2)
	for range 50 {
		settle(s, client(0), 0)
	}
	if a, b := s.Members[0].Open(), s.Members[1].Open(); a != 25 || b != 25 {
		t.Errorf("%d and %d connections, want of two always the one with fewer", a, b)
	}
}

// TestSourceHashMovesOnlyShares is the property of the hash under any coming, going and weighing of endpoints: a client moves only to
// one that has come or weighs more, or from one that has gone or weighs less.
func TestSourceHashMovesOnlyShares(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	all := members(8)
	for range 100 {
		before, after := someOf(all, random), someOf(all, random)
		was, is := New(Config{Balance: SourceHash, Members: before}), New(Config{Balance: SourceHash, Members: after})
		for i := range 200 {
			old, now := settle(was, client(i), 0).Name, settle(is, client(i), 0).Name
			if old != now && weightOf(before, old) <= weightOf(after, old) && weightOf(before, now) >= weightOf(after, now) {
				t.Fatalf("client %d moved from %s to %s, and neither has changed: %v, %v", i, old, now, weights(before), weights(after))
			}
		}
	}
}

// someOf is at least one of all, each with any weight.
func someOf(all []Member, random *rand.Rand) (some []Member) {
	for _, m := range all {
		m.Weight = 1 + random.IntN(3)
		if random.IntN(3) > 0 || len(some) == 0 {
			some = append(some, m)
		}
	}
	return some
}

func weightOf(all []Member, name string) int {
	for _, m := range all {
		if m.Name == name {
			return m.Weight
		}
	}
	return 0
}

func TestSourcesTakeTurnsAndThoseWithoutPortsComeLast(t *testing.T) {
	var all []reactor.Address
	for _, ip := range []string{"127.0.0.1:0", "[::1]:0", "127.0.0.2:0", "127.0.0.3:0"} {
		all = append(all, reactor.TCP(netip.MustParseAddrPort(ip)))
	}
	s, to := NewSources(all), other()
	asked := func(now time.Duration, without string) (asked string) {
		s.Each(&to, int64(now), func(from *reactor.Address) bool {
			asked += from.String()[8:9]
			return strings.Contains(without, from.String()[8:9])
		})
		return asked
	}
	for i, step := range []struct {
		now           time.Duration
		without, want string
	}{
		{time.Minute, "", "1"}, {time.Minute, "", "2"}, {time.Minute, "", "2"}, {time.Minute, "", "3"}, // the second turn is that of IPv6
		{time.Minute, "1", "12"}, {time.Minute, "", "2"}, {time.Minute, "", "2"}, {time.Minute, "", "3"}, {time.Minute, "", "2"},
		{time.Minute, "23", "231"}, {time.Minute, "123", "231"}, {time.Minute + time.Second, "", "3"}, {time.Minute + time.Second, "", "1"},
	} {
		if got := asked(step.now, step.without); got != step.want {
			t.Errorf("step %d: asked %s, want %s", i, got, step.want)
		}
	}
	if six := reactor.TCP(netip.MustParseAddrPort("[::1]:9000")); !s.Each(&six, 0, func(*reactor.Address) bool { return false }) {
		t.Error("there is none for IPv6")
	}
	if NewSources(nil).Each(&to, 0, func(*reactor.Address) bool { return false }) {
		t.Error("there is one of none")
	}
}

func TestRoundRobinSpreadsWeightsEvenly(t *testing.T) {
	all := members(3)
	all[0].Weight, all[1].Weight, all[2].Weight = 10, 2, 2
	if got := picks(New(Config{Balance: RoundRobin, Members: all}), 14); strings.Count(got, "a") != 10 || strings.Count(got, "b") != 2 || strings.Contains(got, "aaaaaa") {
		t.Errorf("picked %s, want a five times as often as b and c, and never six times in a row", got)
	}
}

func TestLeastConnectionsEvensOut(t *testing.T) {
	s := set(LeastConnections, 3)
	b := New(Config{Members: s.Members[1:2]})
	settle(b, client(0), 0)
	settle(b, client(0), 0)
	uses := map[string]*Use{}
	for range 7 {
		u := settle(s, client(0), 0)
		uses[u.Name] = u
	}
	for _, m := range s.Members {
		if m.Open() != 3 {
			t.Errorf("%s has %d connections, want 3 each", m.Name, m.Open())
		}
	}
	s.Ended(uses["c"], Ending{}, 0)
	if got := picks(s, 1); got != "c" {
		t.Errorf("picked %s, want the one that one has left", got)
	}
}

func TestLeastConnectionsGoesByWeight(t *testing.T) {
	all := members(2)
	all[0].Weight = 3
	picks(New(Config{Members: all}), 400)
	if a, b := all[0].Open(), all[1].Open(); a != 300 || b != 100 {
		t.Errorf("%d and %d connections, want 300 and 100", a, b)
	}
}

func TestAConnectionThatItsUpstreamHasFinishedDoesNotCount(t *testing.T) {
	s := set(LeastConnections, 2)
	first := settle(s, client(0), 0)
	first.Finished()
	first.Finished()
	for range 2 {
		settle(s, client(0), 0)
	}
	if first.Open() != 2 || s.Members[0].Open()+s.Members[1].Open() != 3 {
		t.Errorf("%s has %d connections, want the next one to go where one has finished", first.Name, first.Open())
	}
	s.Ended(first, Ending{How: EndFIN}, 0)
	if first.Open() != 1 || first.load() != 1 {
		t.Errorf("%d are open and %d count, want 1", first.Open(), first.load())
	}
}

func TestRandomIsFairByWeight(t *testing.T) {
	all := members(3)
	all[0].Weight = 2
	picks(New(Config{Balance: Random, Members: all}), 4000)
	for i, want := range []int64{2000, 1000, 1000} {
		if got := all[i].Open(); got < want*9/10 || got > want*11/10 {
			t.Errorf("%s has %d connections, want %d or so", all[i].Name, got, want)
		}
	}
}

func TestSourceHashMovesOnlyTheShareOfTheNewEndpoint(t *testing.T) {
	const clients = 3000
	all := members(4)
	before, after := New(Config{Balance: SourceHash, Members: all[:3]}), New(Config{Balance: SourceHash, Members: all})
	moved := 0
	for i := range clients {
		old, now := settle(before, client(i), 0).Name, settle(after, client(i), 0).Name
		if again := settle(after, client(i), 0).Name; again != now {
			t.Fatalf("client %d went to %s, and then to %s", i, now, again)
		}
		if old == now {
			continue
		}
		if moved++; now != "d" {
			t.Fatalf("client %d moved from %s to %s, which is not new", i, old, now)
		}
	}
	if moved < clients/5 || moved > clients*3/10 {
		t.Errorf("%d of %d moved, want a quarter or so", moved, clients)
	}
}

func TestSourceHashGoesByWeight(t *testing.T) {
	all := members(2)
	all[1].Weight = 3
	picks(New(Config{Balance: SourceHash, Members: all}), 4000)
	if n := all[1].Open(); n < 2800 || n > 3200 {
		t.Errorf("%d of 4000 went to the one with three quarters of the weight", n)
	}
}
