package gateway_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

func TestAConnectionThatWentToAnotherEndpointDoesNotLeaveWithTheFirst(t *testing.T) {
	mute, at := silent(t), backend(t, echoes)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], balance: round_robin, connect_timeout: 2s, retries: 1}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: u, policy: {long: {}}}]`, mute, at)
	c := r.dial("r")
	eventually(t, "it dials the endpoint that is mute", func() bool {
		listed := r.list(api.Filter{State: api.Connecting})
		return len(listed) == 1 && listed[0].Endpoint == mute
	})
	if err := r.g.DrainEndpoint("u", mute); err != nil {
		t.Fatal(err)
	}
	c.echo(framed("served by the other"))
	if listed := r.list(api.Filter{}); listed[0].Endpoint != at || listed[0].State != api.Open {
		t.Errorf("it is %s at %s, want it open at %s", listed[0].State, listed[0].Endpoint, at)
	}
	c.finish()
	r.expectEnd("r", "client_fin")
}

// TestTheCountsOfAnEndpointThatIsBackOnlyGrow removes an endpoint and has it back while a connection of before is open.
func TestTheCountsOfAnEndpointThatIsBackOnlyGrow(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	both := fmt.Sprintf("%q, %q", a, b)
	r := start(t, twoRoutes, "1h", a, fmt.Sprintf("%q", b), "")
	old := r.dial("stays")
	old.echo(framed("old"))
	r.edit(twoRoutes, "1h", a, fmt.Sprintf("%q", a), "")
	r.edit(twoRoutes, "1h", a, both, "")
	if listed := r.list(api.Filter{}); len(listed) != 1 || listed[0].State != api.Open {
		t.Errorf("open are %+v, want the old connection, which drains no longer", listed)
	}
	for range 5 { // least_connections gives the endpoint that has none the first
		r.dial("stays").echo(framed("new"))
	}
	if n := connectionsTo(r, "v", b); n != 3 {
		t.Errorf("it has %d connections, want the old one and two new ones", n)
	}
	before := connectsTo(r, "v", b)
	old.finish()
	r.endOf(old)
	if after := connectsTo(r, "v", b); before != 3 || after != before {
		t.Errorf("%d connects are counted while the old connection is open and %d after, want all three", before, after)
	}
}

// connectsTo returns how many attempts to connect to an endpoint have succeeded.
func connectsTo(r *running, upstream, endpoint string) uint64 {
	r.t.Helper()
	for _, u := range r.snapshot().Upstreams {
		for _, e := range u.Endpoints {
			if u.Name == upstream && e.Address == endpoint {
				return e.Connects["ok"]
			}
		}
	}
	return 0
}

// TestAScrapeDuringAnEditCountsNothingTwice moves an endpoint in and out of the policy file while its connections are
// counted.
func TestAScrapeDuringAnEditCountsNothingTwice(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	lasting := strings.ReplaceAll(twoRoutes, "policy: {long: {}}", "policy: {long: {idle_timeout: none}}") // however long all of it takes
	goes := strings.Replace(secondRoute, "policy: {long: {}}", "policy: {long: {idle_timeout: none}}", 1)
	r := start(t, lasting, "1h", a, fmt.Sprintf("%q", b), goes)
	r.dial("stays").echo(framed("one"))
	r.dial("goes").echo(framed("two"))
	var over atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !over.Load() {
			if n := connectionsTo(r, "v", b); n != 1 {
				t.Errorf("%d connections are counted, want 1", n)
				return
			}
			if s, err := r.g.Status(t.Context()); err != nil || s.Connections != 2 {
				t.Errorf("there are %d connections, %v; want 2", s.Connections, err)
				return
			}
		}
	})
	for range 300 {
		r.edit(lasting, "1h", a, fmt.Sprintf("%q", a), "")
		r.edit(lasting, "1h", a, fmt.Sprintf("%q", b), goes)
	}
	over.Store(true)
	wg.Wait()
}

func TestADrainIsNamedAsWhatEndsAConnectionNext(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	r := start(t, twoRoutes, "30s", a, fmt.Sprintf("%q, %q", a, b), "")
	r.dial("stays").echo(framed("1"))
	r.dial("stays").echo(framed("2"))
	if err := r.g.DrainEndpoint("v", b); err != nil {
		t.Fatal(err)
	}
	due := r.list(api.Filter{Due: 31 * time.Second})
	if len(due) != 1 || due[0].Endpoint != b || due[0].NextTimer != "drain_timeout" {
		t.Errorf("due within 31s are %+v, want the connection that is drained", due)
	}
}
