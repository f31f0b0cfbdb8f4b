package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// TestTheEndComesAmidEdits stops and drains gateways while operators edit and ask. Every call returns, and nothing is left open.
func TestTheEndComesAmidEdits(t *testing.T) {
	const rounds = 12
	at := backend(t, echoes)
	before := descriptors(t)
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "socket")
		var ways []*policy.Config
		for _, more := range []string{"", `, "127.0.0.1:0"`, `, "unix:` + path + `"`} {
			cfg, err := policy.Parse("x", fmt.Appendf(nil, `
admin: {listen: "127.0.0.1:0"}
gateway: {drain_timeout: 20ms, max_connections: %d}
upstreams: {u: {endpoints: ["%s"]}}
routes: [{name: r, listen: ["127.0.0.1:0"%s], protocol: raw, upstream: u, policy: {long: {}}}]`, 1+len(more), at, more))
			if err != nil {
				t.Fatal(err)
			}
			ways = append(ways, cfg)
		}
		g, err := gateway.New(gateway.Config{Policy: ways[0], Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		endAmidEdits(t, g, ways, at, round%2 == 0)
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			t.Error("a unix socket is still listened at")
		}
	}
	eventually(t, "descriptors are given back", func() bool { return descriptors(t) <= before })
}

// endAmidEdits runs g, works on it from many sides, and drains or stops it a little later.
func endAmidEdits(t *testing.T, g *gateway.Gateway, ways []*policy.Config, endpoint string, drain bool) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	var wg sync.WaitGroup
	work := func(f func(ctx context.Context)) {
		wg.Go(func() {
			for ctx, over := t.Context(), false; !over; {
				f(ctx)
				select {
				case <-ended:
					over = true
				default:
				}
			}
		})
	}
	work(func(context.Context) { _, _ = g.Apply(ways[rand.IntN(len(ways))]) })
	work(func(ctx context.Context) {
		_, _ = g.List(ctx, api.Filter{}, api.Page{Limit: 10})
		_, _ = g.CloseAll(ctx, api.Filter{Idle: time.Millisecond})
		_, _ = g.Snapshot(ctx)
		_, _ = g.Status(ctx)
	})
	work(func(context.Context) {
		_ = g.DrainEndpoint("u", endpoint)
		_ = g.UndrainEndpoint("u", endpoint)
	})
	address := g.Addresses("r")[0]
	for range 3 {
		work(func(context.Context) {
			if conn, err := net.Dial("tcp", address); err == nil {
				_, _ = conn.Write([]byte("x"))
				conn.Close()
			}
		})
	}
	time.AfterFunc(time.Duration(rand.IntN(int(30*time.Millisecond))), func() {
		if drain {
			g.Drain()
			return
		}
		stop()
	})
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
	close(ended)
	wg.Wait()
}
