package gateway_test

import (
	"slices"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/metrics"
)

const figured = `
%s
gateway: {buffer_memory: 8MiB}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {idle_timeout: 1h, max_lifetime: 7d%s}}, limits: {connections: 70}}
  - {name: short, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {short: {deadline: 5s}}}
`

func valueOf(r metrics.Route, timeout string) time.Duration {
	i := slices.IndexFunc(r.Values, func(v metrics.TimeoutValue) bool { return v.Timeout == timeout })
	if i < 0 {
		return 0
	}
	return r.Values[i].Value
}

func TestMetricsSayWhatIsInForce(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, figured, "", at, "")
	long, short := r.route("r"), r.route("short")
	for timeout, want := range map[string]time.Duration{
		"idle_timeout": time.Hour, "max_lifetime": 7 * 24 * time.Hour, "message_timeout": 10 * time.Second, "write_timeout": 30 * time.Second,
		"half_close_timeout": time.Minute, "connect_timeout": 5 * time.Second, "first_message_timeout": 0, "deadline": 0,
	} {
		if got := valueOf(long, timeout); got != want {
			t.Errorf("%s is %v, want %v", timeout, got, want)
		}
	}
	if got := valueOf(short, "deadline"); got != 5*time.Second || valueOf(short, "idle_timeout") != 0 {
		t.Errorf("of a short policy: %+v", short.Values)
	}
	if long.Limit != 70 || short.Limit != 0 {
		t.Errorf("the limits are %d and %d", long.Limit, short.Limit)
	}
	if s := r.snapshot(); s.BufferLimit != 8<<20 || s.Draining || s.NativeOnly {
		t.Errorf("buffer limit %d, draining %v, native only %v", s.BufferLimit, s.Draining, s.NativeOnly)
	}
	r.edit(figured, "metrics: {histograms: native}", at, ", dry_run: true")
	if got := valueOf(r.route("r"), "idle_timeout"); got != 0 {
		t.Errorf("in a dry run idle_timeout is in force with %v", got)
	}
	if !r.snapshot().NativeOnly {
		t.Error("an edit of metrics.histograms changes nothing")
	}
}

func TestMetricsHaveTheSilenceOfOpenConnections(t *testing.T) {
	r := start(t, figured, "", backend(t, echoes), "")
	var all []*client
	for range 30 {
		c := r.dial("r")
		c.echo("x")
		all = append(all, c)
	}
	eventually(t, "all are silent for 100 ms", func() bool { return len(r.list(api.Filter{Idle: 100 * time.Millisecond})) == 30 })
	got := r.route("r").Silence
	if got.Count() != 30 || got.Quantile(0) < 0 || got.Sum() < 3 {
		t.Errorf("%d silences of %v s in all, want 30 of 0.1 s each at least", got.Count(), got.Sum())
	}
	if without := r.route("short").Silence; without.Count() != 0 {
		t.Errorf("a route without connections has %d silences", without.Count())
	}
	for _, c := range all {
		c.Close()
	}
	eventually(t, "none is left", func() bool { h := r.route("r").Silence; return h.Count() == 0 })
}

func TestMetricsCountFalseCuts(t *testing.T) {
	r := start(t, figured, "", backend(t, echoes), ", dry_run: {idle_timeout: 20ms}")
	c := r.dial("r")
	c.echo("x")
	var before uint64 // false cuts: 1 where the silence before "x" was long, too
	eventually(t, "an end is counted after which it has not spoken again", func() bool {
		figures := r.route("r")
		before = figures.FalseCuts
		return slices.ContainsFunc(figures.Timeouts, func(n metrics.TimeoutCount) bool {
			return n.Timeout == "idle_timeout" && n.Action == metrics.ActionObserved && n.Count == before+1
		})
	})
	c.echo("y")
	if n := r.route("r").FalseCuts; n != before+1 {
		t.Errorf("%d false cuts before it spoke again, and %d after", before, n)
	}
}

// A loop is busy while it works: no more than the time that has passed, and more when it had more to do.
func TestMetricsSayHowBusyLoopsAre(t *testing.T) {
	began := time.Now()
	r := start(t, "gateway: {loops: 1}\n"+figured[len("\n%s\ngateway: {buffer_memory: 8MiB}\n"):], backend(t, echoes), "")
	before := r.snapshot().LoopsBusy
	if len(before) != 1 {
		t.Fatalf("%d loops", len(before))
	}
	c := r.dial("r")
	for range 200 {
		c.echo("x")
	}
	after := r.snapshot().LoopsBusy[0]
	if worked := after - before[0]; worked <= 0 || after > time.Since(began) {
		t.Errorf("busy for %v after %v, in %v", after, before[0], time.Since(began))
	}
	again := r.snapshot().LoopsBusy[0]
	if again < after {
		t.Errorf("busy for %v, then for %v", after, again)
	}
}
