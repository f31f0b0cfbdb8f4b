package gateway_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// TestOperatorsWhoDoEverythingAtOnce edits, lists, closes and drains endpoints from many goroutines while connections of all
// phases come and go. Nothing may be lost of the counts, and nothing may be left.
func TestOperatorsWhoDoEverythingAtOnce(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	yaml := func(n uint64) string { return oneOfMany(n, a, b) }
	r := startAdmin(t, yaml(1<<12))
	ctx, over := context.Background(), time.Now().Add(4*time.Second)
	var wg sync.WaitGroup
	var edits atomic.Int64
	work := func(f func(random *rand.Rand)) {
		seed := rand.Uint64()
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 2))
			for time.Now().Before(over) {
				f(random)
			}
		})
	}
	for range 2 {
		work(func(random *rand.Rand) {
			cfg, err := policy.Parse("x", []byte(yaml(random.Uint64())))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := r.g.Apply(cfg); err != nil {
				t.Error(err)
			}
			edits.Add(1)
		})
	}
	work(func(*rand.Rand) {
		_, _ = r.g.List(ctx, api.Filter{}, api.Page{Limit: 1000, Sort: "-due"})
		_, _ = r.g.CloseAll(ctx, api.Filter{Idle: 10 * time.Millisecond})
	})
	work(func(*rand.Rand) {
		_ = r.g.DrainEndpoint("u", a)
		_ = r.g.UndrainEndpoint("u", a)
	})
	work(func(*rand.Rand) {
		_, _ = r.g.Snapshot(ctx)
		_, _ = r.g.Advise(ctx, api.AdviceQuery{})
		_, _ = r.g.Histories(ctx, "", 60)
		_, _ = r.g.Endings(ctx, api.EndedQuery{Limit: 10})
		_, _ = r.g.Silences(ctx, "")
	})
	for range 12 {
		work(func(random *rand.Rand) { visit(r, random) })
	}
	wg.Wait()
	t.Logf("%d edits", edits.Load())
	eventually(t, "no connection is left", func() bool {
		status, _ := r.g.Status(ctx)
		return status.Connections == 0 && status.BufferBytes == 0
	})
	for _, route := range r.snapshot().Routes {
		if route.Connections != 0 {
			t.Errorf("%s counts %d open connections", route.Name, route.Connections)
		}
	}
	for _, u := range r.snapshot().Upstreams {
		for _, e := range u.Endpoints {
			if e.Connections != 0 {
				t.Errorf("%s counts %d connections", e.Address, e.Connections)
			}
		}
	}
}

// oneOfMany is a policy in which each bit of n decides about something.
func oneOfMany(n uint64, a, b string) string {
	text := fmt.Sprintf(`
admin: {listen: "127.0.0.1:0"}
gateway: {edit_grace: %s, drain_timeout: %s, max_connections: %d, on_full: %s, buffer_memory: %s}
upstreams:
  u: {endpoints: [%q%s]}
routes:
  - {name: stays, listen: "127.0.0.1:0", protocol: %s, upstream: u, connect_on: %s, policy: {long: {idle_timeout: %s, message_timeout: %s, close: %s, jitter: %s, dry_run: %s}}}
`, pick(n, 0, "none", "50ms"), pick(n, 1, "20ms", "1s"), 20+n%30, pick(n, 2, "wait", "refuse"), pick(n, 3, "1MiB", "8MiB"), a, pick(n, 4, "", fmt.Sprintf(", %q", b)),
		pick(n, 5, framing, "raw"), pick(n, 6, "accept", "first_message"), pick(n, 7, "30ms", "1m"), pick(n, 8, "20ms", "none"), pick(n, 9, "fin", "rst"), pick(n, 10, "0%", "50%"), pick(n, 11, "true", "{idle_timeout: 20ms}"))
	if n&(1<<12) != 0 {
		text += `  - {name: comes, listen: ["127.0.0.1:0", "127.0.0.1:0"], protocol: raw, upstream: u, policy: {short: {deadline: 50ms}}}`
	}
	return text
}

func pick(n uint64, bit int, off, on string) string {
	if n&(1<<bit) != 0 {
		return on
	}
	return off
}

func visit(r *running, random *rand.Rand) {
	route := [...]string{"stays", "comes"}[random.IntN(2)]
	addresses := r.g.Addresses(route)
	if len(addresses) == 0 {
		return
	}
	conn, err := net.DialTimeout("tcp", addresses[0], time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Duration(random.IntN(100)) * time.Millisecond))
	message := framed(string(make([]byte, random.IntN(1<<random.IntN(18)))))
	if random.IntN(3) == 0 {
		message = message[:random.IntN(len(message))]
	}
	_, _ = io.WriteString(conn, message)
	if random.IntN(4) > 0 {
		_, _ = io.CopyN(io.Discard, conn, int64(len(message)))
	}
	if random.IntN(4) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}
