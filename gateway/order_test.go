package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// anyViews are connections of few kinds, so that many are equal in what they are sorted by.
func anyViews(n int) []*relay.View {
	var rules session.Rules
	rules.Enforced[deadline.IdleTimeout] = time.Minute
	random := rand.New(rand.NewPCG(4, 2))
	routes := []*relay.Route{{RouteStats: relay.NewRouteStats("a", 1), Rules: rules}, {RouteStats: relay.NewRouteStats("b", 1)}}
	var views []*relay.View
	for i := range n {
		at := deadline.Instant(time.Hour) + deadline.Instant(random.IntN(3))*deadline.Instant(time.Millisecond)
		v := &relay.View{
			ID: uint64(i + 1), Route: routes[random.IntN(2)], At: at, DrainBy: deadline.Never, State: relay.Relaying,
			Session: session.Accept(at-deadline.Instant(random.IntN(4))*deadline.Instant(time.Second), 0),
		}
		v.Session.LastMessage += deadline.Instant(random.IntN(2)) * deadline.Instant(time.Millisecond)
		v.Session.FromClient.Bytes, v.Session.FromUpstream.Messages = random.Uint64N(3), random.Uint64N(3)
		v.Session.FromClient.FIN = random.IntN(4) == 0
		if random.IntN(4) > 0 {
			v.Client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(12))}), uint16(random.IntN(3)))
		}
		if random.IntN(4) == 0 {
			v.DrainBy = at + deadline.Instant(random.IntN(100)-10)*deadline.Instant(time.Second)
		}
		if random.IntN(3) > 0 {
			v.Endpoint = &upstream.Endpoint{Name: fmt.Sprintf("10.1.0.%d:1", random.IntN(3))}
		}
		views = append(views, v)
	}
	return views
}

func TestTheFirstOfAListingAreThoseOfItsDescriptions(t *testing.T) {
	clock, err := reactor.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{clock: clock}
	views := anyViews(300)
	for _, key := range api.SortKeys() {
		for _, sort := range []string{key, "-" + key} {
			var all []api.Connection
			for _, v := range views {
				all = append(all, g.describe(v))
			}
			api.Sort(all, sort)
			for _, size := range []struct{ most, expected int }{{1, 300}, {7, 0}, {299, 20}, {300, 300}, {1000, 300}} {
				list := newLeading(size.most, order(sort), int64(size.expected))
				for _, v := range views {
					list.add(v)
				}
				var got, want []uint64
				for _, v := range list.from(3) {
					got = append(got, v.ID)
				}
				for _, c := range all[min(3, size.most):min(size.most, len(all))] {
					want = append(want, c.ID)
				}
				if list.total != len(views) || !slices.Equal(got, want) {
					t.Errorf("%s, the first %d: %v, want %v", sort, size.most, got, want)
				}
			}
		}
	}
}
