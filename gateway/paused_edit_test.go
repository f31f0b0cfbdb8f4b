package gateway_test

import (
	"net"
	"testing"

	"idlegate/gateway/admin/api"
)

// TestListenersComeAndGoWhileAcceptingIsPaused edits them while every place is taken.
func TestListenersComeAndGoWhileAcceptingIsPaused(t *testing.T) {
	const yaml = `
gateway: {max_connections: 1, on_full: wait}
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: [%s], protocol: raw, upstream: u, policy: {long: {}}}]`
	at, path := backend(t, echoes), t.TempDir()+"/socket"
	r := start(t, yaml, at, `"127.0.0.1:0", "127.0.0.1:0"`)
	before := r.g.Addresses("r")
	first := r.dial("r")
	first.echo("first")
	waits := dial(t, before[1])
	waits.send("waits")
	r.edit(yaml, at, `"127.0.0.1:0", "unix:`+path+`"`)
	if now := r.g.Addresses("r"); now[0] != before[0] {
		t.Errorf("the first listener has moved from %s to %s", before[0], now[0])
	}
	waits.receiveReset() // its listener is gone
	if conn, err := net.Dial("tcp", before[1]); err == nil {
		conn.Close()
		t.Error("the second listener still takes clients")
	}
	late := dial(t, "unix:"+path)
	late.send("late")
	first.finish()
	late.receive("late")
	late.finish()
	eventually(t, "all have ended", func() bool { return len(r.list(api.Filter{})) == 0 })
	r.dial("r").echo("last")
}
