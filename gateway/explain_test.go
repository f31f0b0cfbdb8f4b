package gateway_test

import (
	"path/filepath"
	"slices"
	"testing"

	"idlegate/gateway/admin/api"
)

// TestExplainSaysWhyAClientIsNotRead makes a backend read nothing of what a client sends, until it reads all.
func TestExplainSaysWhyAClientIsNotRead(t *testing.T) {
	reads := make(chan struct{})
	g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {idle_timeout: 1h, write_timeout: 1h}}}]`,
		backend(t, func(c *client) {
			<-reads
			c.drained()
		}))
	c := g.dial("r")
	explain := func() api.Explanation {
		t.Helper()
		all := g.list(api.Filter{})
		if len(all) != 1 {
			t.Fatalf("%d connections", len(all))
		}
		e, err := g.g.Explain(t.Context(), all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if e.ReadPaused != (len(e.ReadPausedFor) > 0) {
			t.Fatalf("read_paused %v for %q", e.ReadPaused, e.ReadPausedFor)
		}
		return e
	}
	idle := func(e api.Explanation) string {
		at := slices.IndexFunc(e.Timers, func(t api.Timer) bool { return t.Timer == "idle_timeout" })
		return e.Timers[at].Standing
	}
	eventually(t, "it is there", func() bool { return len(g.list(api.Filter{})) == 1 })
	eventually(t, "it is read", func() bool { e := explain(); return !e.ReadPaused && idle(e) == "running" })
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		flood := make([]byte, 64<<10)
		for range 1 << 10 { // more than all sockets on the way take
			if _, err := c.Write(flood); err != nil {
				return
			}
		}
	}()
	eventually(t, "the upstream takes no more", func() bool {
		e := explain()
		return slices.Equal(e.ReadPausedFor, []string{"upstream_waits"}) && idle(e) == "still"
	})
	eventually(t, "it says what lies where", func() bool {
		p := explain().Peers
		return p[1].HeldBytes > 0 && p[1].UnackedBytes > 0 && p[0].UnreadBytes > 0 && p[0].HeldBytes == 0
	})
	close(reads)
	<-sent
	eventually(t, "it is read again", func() bool { e := explain(); return !e.ReadPaused && idle(e) == "running" })
	eventually(t, "nothing is left", func() bool {
		p := explain().Peers
		return p[1].HeldBytes == 0 && p[1].UnackedBytes == 0 && p[0].UnreadBytes == 0
	})
	for i, p := range explain().Peers {
		if want := []string{"client", "upstream"}[i]; p.Side != want || p.RTTSeconds == nil || *p.RTTSeconds <= 0 || *p.RTTSeconds > 10 || p.Retransmitted == nil {
			t.Errorf("the kernel says of the %s: %+v", want, p)
		}
	}
}

func TestExplainHasNoRoundTripOnUnixSockets(t *testing.T) {
	g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "unix:%s", protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes), filepath.Join(t.TempDir(), "s"))
	c := g.dial("r")
	c.echo("x")
	e, err := g.g.Explain(t.Context(), g.list(api.Filter{})[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if p := e.Peers[0]; p.RTTSeconds != nil || p.Retransmitted != nil {
		t.Errorf("of a unix socket it says %+v", p)
	}
	if p := e.Peers[1]; p.RTTSeconds == nil {
		t.Errorf("of TCP it says %+v", p)
	}
}
