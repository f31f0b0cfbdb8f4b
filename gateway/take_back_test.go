package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

// TestARouteThatIsBackTakesItsConnectionsBack removes a route, and its upstream with it in one case, as the first half of a
// file does that is written in two steps.
func TestARouteThatIsBackTakesItsConnectionsBack(t *testing.T) {
	at := backend(t, echoes)
	const withBoth = `
gateway: {drain_timeout: 3s}
upstreams:
  v: {endpoints: ["%s"]}
  u: {endpoints: ["%s"]}
routes:
  - {name: stays, listen: "127.0.0.1:0", protocol: raw, upstream: v, policy: {long: {}}}
  - {name: goes, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {idle_timeout: %s}}}
`
	whole := fmt.Sprintf(withBoth, at, at, "1h")
	for name, half := range map[string]string{
		"the route alone":           whole[:strings.Index(whole, "  - {name: goes")],
		"its upstream went as well": strings.Replace(whole[:strings.Index(whole, "  - {name: goes")], "  u: {", "  w: {", 1),
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, "%s", whole)
			c := r.dial("goes")
			c.echo(framed("before"))
			r.edit("%s", half)
			if n := len(r.list(api.Filter{State: api.Draining})); n != 1 {
				t.Fatalf("%d connections are draining, want 1", n)
			}
			r.edit("%s", whole)
			if listed := r.list(api.Filter{Route: "goes"}); len(listed) != 1 || listed[0].State != api.Open || listed[0].NextTimer != "idle_timeout" {
				t.Errorf("the connection is not taken back: %+v", listed)
			}
			c.echo(framed("after"))
			r.dial("goes").echo(framed("a new one"))
			if m := r.route("goes"); m.Opened != 2 || m.Connections != 2 || m.Closed["shutdown"] != 0 {
				t.Errorf("the route counts %d opened, %d open, want those of before and after", m.Opened, m.Connections)
			}
			eventually(t, "what was to be cut at drain_timeout is older than that", func() bool {
				return r.list(api.Filter{Client: c.LocalAddr().String()})[0].AgeSeconds > 3.5
			})
			c.echo(framed("it is not cut"))
			r.edit("%s", strings.Replace(whole, "1h", "20ms", 1))
			if line := r.endOf(c); line.Reason != "idle_timeout" {
				t.Errorf("it ended with %s: the route's policy does not act on it", line.Reason)
			}
		})
	}
}

func TestARouteComesAndGoesAThousandTimes(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, twoRoutes, "1h", at, at, secondRoute)
	c := r.dial("goes")
	for i := range 500 {
		r.edit(twoRoutes, "1h", at, at, "")
		r.edit(twoRoutes, "1h", at, at, secondRoute)
		if i%50 == 0 {
			c.echo(framed("still here"))
		}
	}
	if listed := r.list(api.Filter{}); len(listed) != 1 || listed[0].State != api.Open {
		t.Errorf("open are %+v, want the one connection", listed)
	}
	if m := r.route("goes"); m.Opened != 1 || r.snapshot().Config.Generation != 1001 {
		t.Errorf("the route counts %d opened", m.Opened)
	}
}
