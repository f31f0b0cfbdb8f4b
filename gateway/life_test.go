package gateway_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"idlegate/gateway"
	"idlegate/policy"
)

// unstarted makes a gateway that does not run.
func unstarted(t *testing.T, yaml string) (*gateway.Gateway, error) {
	t.Helper()
	return unstartedAs(t, "admin: {listen: \"127.0.0.1:0\"}\n"+yaml)
}

// unstartedAs makes one with a policy that says itself where its operator is answered.
func unstartedAs(t *testing.T, yaml string) (*gateway.Gateway, error) {
	t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return gateway.New(gateway.Config{Policy: cfg, Logger: slog.New(slog.DiscardHandler)})
}

func TestRunReturns(t *testing.T) {
	yaml := strings.Replace(oneRoute, "%s", "127.0.0.1:1", 1) + `{long: {}}}`
	stop := func(_ *gateway.Gateway, cancel func()) { cancel() }
	drain := func(g *gateway.Gateway, _ func()) { g.Drain() }
	for name, acts := range map[string][]func(*gateway.Gateway, func()){
		"at once, if it was stopped before": {stop},
		"at once, if it was drained before": {drain, drain},
		"at once, if it was both":           {drain, stop},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := unstarted(t, yaml)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for _, act := range acts {
				act(g, cancel)
			}
			if err := g.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
			if ready, _ := g.Ready(); ready {
				t.Error("it is ready though it does not run any more")
			}
			if _, err := g.Snapshot(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("no figures of a gateway that has ended: %v", err)
			}
		})
	}
}

func TestNewGivesBackWhatItBound(t *testing.T) {
	dir := t.TempDir()
	before := descriptors(t)
	_, err := unstarted(t, strings.ReplaceAll(`
upstreams: {backend: {endpoints: ["127.0.0.1:1"]}}
routes: [{name: r, listen: ["127.0.0.1:0", "unix:DIR/s", "unix:DIR/none/s"], protocol: raw, upstream: backend, policy: {long: {}}}]`, "DIR", dir))
	if err == nil || !strings.Contains(err.Error(), "route r: bind unix:"+dir+"/none/s: ") {
		t.Fatalf("New: %v", err)
	}
	if _, err := os.Stat(dir + "/s"); !os.IsNotExist(err) {
		t.Errorf("the socket that was bound: %v, want it removed", err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are left", after-before)
	}
}

// TestManyLoopsWithLittleMemory gives loops less memory than all of them need at once.
func TestManyLoopsWithLittleMemory(t *testing.T) {
	g := start(t, `
gateway: {buffer_memory: 1MiB, loops: 16}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", connect_on: first_message, protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	g.dial("r").echo(framed("served all the same"))
	if !strings.Contains(g.log.String(), "buffer_memory is less than the event loops need") {
		t.Error("the log does not tell")
	}
}

// TestASnapshotMayBeGivenUp has callers who do not wait for the loops, which answer all the same.
func TestASnapshotMayBeGivenUp(t *testing.T) {
	g := start(t, oneRoute+`{long: {}}}`, backend(t, echoes))
	answered, givenUp := 0, 0
	for i := range 2000 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*100*time.Nanosecond)
		if _, err := g.g.Snapshot(ctx); err == nil {
			answered++
		} else {
			givenUp++
		}
		cancel()
	}
	if givenUp == 0 {
		t.Errorf("all %d were answered", answered)
	}
	g.dial("r").echo(framed("all is well"))
}

// TestAnUpstreamIsCutThatFloodsAnEndedConnection checks that what nobody will have is not fetched for long.
func TestAnUpstreamIsCutThatFloodsAnEndedConnection(t *testing.T) {
	cut := make(chan time.Time, 1)
	g := start(t, oneRoute+`{long: {max_lifetime: 100ms}}}`, backend(t, func(c *client) {
		message := []byte(framed(strings.Repeat("x", 1<<16)))
		for {
			if _, err := c.Write(message); err != nil {
				cut <- time.Now()
				return
			}
		}
	}))
	g.dial("r")
	g.expectEnd("r", "max_lifetime")
	ended := time.Now()
	if late := (<-cut).Sub(ended); late > 10*time.Second { // half_close_timeout would be a minute
		t.Errorf("the upstream was cut %v after the end", late)
	}
}
