package gateway_test

import "testing"

// TestAClientWhoHasNoUpstreamYetGetsTheOneOfNow exchanges a route's upstream, and its protocol, while a first message comes.
func TestAClientWhoHasNoUpstreamYetGetsTheOneOfNow(t *testing.T) {
	const yaml = `
upstreams: {%s: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: %s, upstream: %s, connect_on: first_message, policy: {long: {}}}]`
	before, after := backend(t, echoes), backend(t, echoes)
	for name, protocol := range map[string]string{"the same protocol": framing, "another protocol": "delimiter"} {
		t.Run(name, func(t *testing.T) {
			r := start(t, yaml, "u", before, framing, "u")
			served, waits := r.dial("r"), r.dial("r")
			served.echo(framed("served by the one of before"))
			waits.send("Head")
			eventually(t, "it has come", func() bool { return r.route("r").Bytes[0] == uint64(len(framed("served by the one of before")))+4 })
			r.edit(yaml, "v", after, protocol, "v")
			waits.send(framed("first")[4:])
			waits.receive(framed("first"))
			waits.echo(framed("second"))
			served.echo(framed("still"))
			waits.finish()
			if line := r.endOf(waits); line.Endpoint != after || line.ClientMessages != 2 {
				t.Errorf("it was served by %s, want %s: %+v", line.Endpoint, after, line)
			}
		})
	}
}
