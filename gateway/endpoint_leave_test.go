package gateway_test

import (
	"testing"

	"idlegate/gateway/admin/api"
)

func TestAConnectionThatWentToAnotherEndpointDoesNotLeaveWithTheFirst(t *testing.T) {
	mute, at := silent(t), backend(t, echoes)
	r := start(t, `
upstreams: {u: {endpoints: ["%s", "%s"], balance: round_robin, connect_timeout: 500ms, retries: 1}}
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
