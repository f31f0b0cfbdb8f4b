package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

// Loops copy the figures of this many routes in several turns.
func TestEachOfManyRoutesHasItsOwnFigures(t *testing.T) {
	const many = 40
	var text strings.Builder
	text.WriteString("gateway: {loops: 2}\nupstreams: {u: {endpoints: [\"%s\"]}}\nroutes:\n")
	for i := range many {
		fmt.Fprintf(&text, "  - {name: r%d, listen: \"127.0.0.1:0\", protocol: raw, upstream: u, policy: {long: {}}}\n", i)
	}
	r := start(t, text.String(), backend(t, echoes))
	for i := range many {
		for range 1 + i%3 {
			r.dial(fmt.Sprintf("r%d", i)).echo("x")
		}
	}
	ctx := context.Background()
	eventually(t, "each has its own", func() bool {
		all, err := r.g.Routes(ctx)
		must(t, err)
		scraped, err := r.g.Snapshot(ctx)
		must(t, err)
		hours, err := r.g.Histories(ctx, "", 60)
		must(t, err)
		for i, route := range all.Routes {
			opened := uint64(0)
			for _, m := range hours.Histories[i].Minutes {
				opened += m.Opened
			}
			want := uint64(1 + i%3)
			if route.Opened != want || scraped.Routes[i].Opened != want || opened != want {
				return false
			}
		}
		return len(all.Routes) == many && !slices.ContainsFunc(all.Routes, func(route api.Route) bool { return route.ClientBytes == 0 })
	})
}
