package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

const byHand = `
upstreams: {u: {endpoints: [{address: "%s", weight: %d}, "%s"], balance: round_robin%s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {}}}]`

// shares opens n connections, and returns how many came to an endpoint.
func (r *running) shares(n int, endpoint string) uint64 {
	r.t.Helper()
	before := attemptsAt(r, endpoint)
	for range n {
		c := r.dial("r")
		c.echo(framed("served"))
		c.Close()
	}
	return attemptsAt(r, endpoint) - before
}

func (r *running) set(endpoint string, set api.Setting) {
	r.t.Helper()
	if err := r.g.SetEndpoint("u", endpoint, set); err != nil {
		r.t.Fatal(err)
	}
}

func TestAWeightThatIsSetByHandHoldsUntilTheFileSaysOtherwise(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	r := start(t, byHand, a, 1, b, "")
	if n := r.shares(8, a); n != 4 {
		t.Errorf("it gets %d of 8 before", n)
	}
	r.set(a, api.Setting{Weight: 3})
	if n := r.shares(8, a); n != 6 {
		t.Errorf("it gets %d of 8 with three times the weight", n)
	}
	hand := r.endpointOf("u", a).ByHand
	if hand == nil || *hand.Weight != 3 || hand.WeightSince == nil || hand.State != "auto" || hand.StateSince != nil {
		t.Errorf("the API says %+v", hand)
	}
	r.edit(byHand, a, 1, b, ", retries: 7")
	if n := r.shares(8, a); n != 6 {
		t.Errorf("it gets %d of 8 after an edit of something else", n)
	}
	r.edit(byHand, a, 2, b, ", retries: 7")
	if n := r.shares(9, a); n != 6 || r.endpointOf("u", a).ByHand != nil {
		t.Errorf("it gets %d of 9 after an edit of its weight: %+v", n, r.endpointOf("u", a).ByHand)
	}
	r.set(a, api.Setting{Weight: 100})
	r.set(a, api.Setting{FileWeight: true})
	if n := r.shares(9, a); n != 6 || r.endpointOf("u", a).Weight != 2 {
		t.Errorf("it gets %d of 9 with the weight of the file again", n)
	}
	if !strings.Contains(r.log.String(), `"endpoint set by hand"`) {
		t.Error("the log does not say so")
	}
}

func TestAStateThatIsSetByHand(t *testing.T) {
	a, b := newRevivable(t), backend(t, echoes)
	r := start(t, byHand, a.address, 1, b, ", retries: 0, health: {every: 20ms, timeout: 30s, rise: 1, fall: 1}")
	open := r.dial("r")
	open.echo(framed("open"))
	other := r.dial("r")
	other.echo(framed("open"))
	eventually(t, "it is checked", func() bool { return r.endpointOf("u", a.address).Check.State == "up" })
	r.set(a.address, api.Setting{State: "down"})
	if n := r.shares(6, a.address); n != 0 || r.endpointOf("u", a.address).State() != "down by hand" || r.isHealthy("u", a.address) {
		t.Errorf("it gets %d connections though it was set down: %+v", n, r.endpointOf("u", a.address))
	}
	open.echo(framed("stays"))
	other.echo(framed("stays"))
	r.set(a.address, api.Setting{State: "auto"})
	if n := r.shares(6, a.address); n != 3 || r.endpointOf("u", a.address).ByHand != nil {
		t.Errorf("it gets %d of 6 as usual", n)
	}
	a.kill()
	eventually(t, "it is down", func() bool { return r.endpointOf("u", a.address).State() == "down" })
	r.set(a.address, api.Setting{State: "up"})
	if e := r.endpointOf("u", a.address); !e.Healthy || e.State() != "up by hand" || e.ByHand.StateSince == nil {
		t.Errorf("it was set up, and is %+v", e)
	}
	a.revive()
	if n := r.shares(6, a.address); n != 3 {
		t.Errorf("it gets %d of 6 though it was set up", n)
	}
	r.set(b, api.Setting{State: "drain"})
	if n := r.shares(4, b); n != 0 || r.endpointOf("u", b).State() != "draining" || r.endpointOf("u", b).ByHand.State != "drain" {
		t.Errorf("it gets %d connections while it drains: %+v", n, r.endpointOf("u", b).ByHand)
	}
	r.set(b, api.Setting{State: "auto"})
	if e := r.endpointOf("u", b); e.Draining || e.ByHand != nil {
		t.Errorf("it drains still: %+v", e)
	}
}

func TestExplainSaysHowTheEndpointStands(t *testing.T) {
	a := newRevivable(t)
	r := start(t, `
upstreams: {u: {endpoints: ["%s"], health: {every: 20ms, timeout: 30s, fall: 1, send: {text: "PING"}, expect: {text: "PING"}}}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}]`, a.address)
	r.dial("r").echo("open")
	a.answers("-ERR")
	eventually(t, "it is down", func() bool { return r.endpointOf("u", a.address).State() == "down" })
	e, err := r.g.Explain(t.Context(), r.list(api.Filter{})[0].ID)
	if err != nil || e.Endpoint == nil || e.Endpoint.State() != "down" || e.Endpoint.Check.LastError != `the answer begins with "-ERR", not "PING"` {
		t.Errorf("explained is %+v, %v", e.Endpoint, err)
	}
}

func TestWhatCannotBeSetByHand(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	r := start(t, byHand, a, 1, b, "")
	for i, err := range []error{
		r.g.SetEndpoint("none", a, api.Setting{Weight: 2}), r.g.SetEndpoint("u", "10.0.0.1:1", api.Setting{Weight: 2}),
		r.g.SetEndpoint("u", a, api.Setting{State: "maint"}),
	} {
		if err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("case %d: %v", i, err)
		}
	}
	if got := fmt.Sprint(r.endpointOf("u", a).ByHand); got != "<nil>" {
		t.Errorf("something is set: %s", got)
	}
}
