package gateway

import (
	"context"
	"net/netip"
	"testing"

	"idlegate/policy"
)

// parsed is a policy whose admin section is not of interest.
func parsed(t *testing.T, yaml string) *policy.Config {
	t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte("admin: {listen: \"127.0.0.1:0\"}\n"+yaml))
	must(t, err)
	return cfg
}

func TestAnEndpointStaysWhereItsNameServerGivesAddressesInTurn(t *testing.T) {
	cfg := parsed(t, `
upstreams: {u: {endpoints: ["backends.example:9000"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`)
	answers := [][]string{{"fd00::1", "10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.1"}, {"10.0.0.3", "10.0.0.2"}}
	turn := 0
	rotating := resolver{lookup: func(context.Context, string, string) (all []netip.Addr, err error) {
		for _, a := range answers[turn] {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}}
	var g *generation
	for turn = range answers {
		before := g
		var err error
		g, err = compile(cfg, before, 1, rotating)
		must(t, err)
		e := g.upstreams[0].set.Endpoints[0]
		if want := []string{"10.0.0.1:9000", "10.0.0.1:9000", "10.0.0.3:9000"}[turn]; e.Address.String() != want {
			t.Errorf("answer %d: the endpoint is at %s, want %s", turn, e.Address, want)
		}
		if stays := before != nil && before.has(e); stays != (turn == 1) {
			t.Errorf("answer %d: the endpoint is the one of before: %v", turn, stays)
		}
	}
}
