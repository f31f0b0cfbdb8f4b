package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/cmd/idlebench/internal/process"
)

// TestMain lets the test binary be the processes that a benchmark starts: those are the same program with a command,
// where the test binary itself has only flags.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// noneLeft fails where a process that the test started is still there at its end.
func noneLeft(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if tree, err := process.TreeOf(os.Getpid()); err != nil || len(tree) != 1 {
			t.Errorf("processes at the end: %v, %v", tree, err)
		}
	})
}

func TestEveryScenarioMeasuresSomething(t *testing.T) {
	noneLeft(t)
	file := filepath.Join(t.TempDir(), "report.json")
	var table, log bytes.Buffer
	code := execute(t.Context(), []string{"--quick", "--rounds", "1", "--window", "100ms", "--idle", "100",
		"--proxies", "idlegate,goroutines,direct", "--unit", "goroutines", "--json", file}, &table, &log)
	if code != exitDone {
		t.Fatalf("exit code %d\n%s%s", code, &table, &log)
	}
	encoded, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(encoded, &r); err != nil {
		t.Fatal(err)
	}
	if have, want := len(r.Scenarios), len(scenarios(sizes{})); have != want {
		t.Errorf("%d scenarios, not %d", have, want)
	}
	for _, s := range r.Scenarios {
		for _, e := range s.Entries {
			checkEntry(t, s, e)
		}
		if !strings.Contains(table.String(), s.What) {
			t.Errorf("the table lacks %s", s.Name)
		}
	}
}

func checkEntry(t *testing.T, s scenarioReport, e entry) {
	t.Helper()
	proxied := e.Proxy != nameDirect
	compared := proxied && slices.ContainsFunc(s.Entries, func(e entry) bool { return e.Proxy == nameRelay }) // which speaks no TLS
	if (e.CPURatio.Min > 0) != proxied || (e.Relative.Min > 0) != compared {
		t.Errorf("%s of %s: CPU ratio %v, %v of the unit", s.Name, e.Proxy, e.CPURatio, e.Relative)
	}
	switch s.Name {
	case "trickle":
		mayClose := e.Proxy == nameIdlegate
		if (e.Closed.Min == 1) != mayClose || (e.Closed.Max == 0) == mayClose || e.Earliest.Min < 0 {
			t.Errorf("%s of %s: closed %v, earliest %v", s.Name, e.Proxy, e.Closed, e.Earliest)
		}
	case "due":
		if e.Closed.Min < 1 || e.Earliest.Min < 0 || e.Late99.Min < e.Late50.Min {
			t.Errorf("%s of %s: closed %v, earliest %v, late %v", s.Name, e.Proxy, e.Closed, e.Earliest, e.Late99)
		}
	case "stalled":
		if e.Rate.Min <= 0 || e.Throughput.Min <= 0 {
			t.Errorf("%s of %s: %v messages a second, %v bytes", s.Name, e.Proxy, e.Rate, e.Throughput)
		}
	default:
		if e.Rate.Min <= 0 || e.P50.Min <= 0 || e.P999.Min < e.P50.Min {
			t.Errorf("%s of %s: rate %v, p50 %v, p99.9 %v", s.Name, e.Proxy, e.Rate, e.P50, e.P999)
		}
	}
	if s.Idle && proxied && e.Samples[0].IdleTime <= 0 {
		t.Errorf("%s of %s: was not watched", s.Name, e.Proxy)
	}
}

func testRig(t *testing.T) rig {
	t.Helper()
	noneLeft(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return rig{self: self, dir: t.TempDir(), threads: 1, pace: pace{
		warm: 20 * time.Millisecond, window: 50 * time.Millisecond, settle: time.Millisecond, idle: time.Millisecond,
		patience: loadPatience,
	}}
}

func testScenarios() []scenario {
	return scenarios(sizes{
		idle: 5, heartbeats: 5, every: 10 * time.Millisecond, sparse: 5, seldom: 10 * time.Millisecond,
		due: 5, spread: 10 * time.Millisecond, timeout: time.Second,
		trickle: 10 * time.Millisecond, stalled: 5,
	})
}

func TestABentByteFailsTheProxy(t *testing.T) {
	for _, sc := range testScenarios() {
		if sc.Name == "trickle" || sc.Demand.tls != inClear {
			continue // in which nothing comes back, nor is anything whole; or TLS itself finds it
		}
		t.Run(sc.Name, func(t *testing.T) {
			rig := testRig(t)
			for _, flaw := range [][]string{{"--bend", "16"}, {"--bend", "24"}, {"--bend", "20", "--requests"}} {
				_, err := rig.measure(t.Context(), goroutines(rig.self, flaw...), sc)
				if err == nil || !strings.Contains(err.Error(), "message 0: ") {
					t.Errorf("%q: %v", flaw, err)
				}
			}
		})
	}
}

func TestALostByteFailsTheProxyInBulk(t *testing.T) {
	for _, sc := range testScenarios() {
		if sc.Load.Size < stallMessage {
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			rig := testRig(t)
			rig.pace.patience = time.Second // where nothing follows that would show the loss
			for _, flaw := range [][]string{{"--lose", "10"}, {"--lose", "60000", "--requests"}} {
				if _, err := rig.measure(t.Context(), goroutines(rig.self, flaw...), sc); err == nil {
					t.Errorf("%q went unseen", flaw)
				}
			}
		})
	}
}

func TestAByteBentAfterTheWarmUpIsCaught(t *testing.T) {
	rig := testRig(t)
	at := slices.IndexFunc(testScenarios(), func(sc scenario) bool { return sc.Name == "idle" })
	bad := goroutines(rig.self, "--bend", strconv.Itoa(smallMessage+40))
	if _, err := rig.measure(t.Context(), bad, testScenarios()[at]); err == nil ||
		!strings.Contains(err.Error(), "message 1: checksum") {
		t.Errorf("the second answer was bent: %v", err)
	}
}

func TestAProxyThatEndsIsReported(t *testing.T) {
	rig := testRig(t)
	broken := contender{Name: "broken", argv: func(site) ([]string, error) {
		return []string{rig.self, "relay", "--listen", "nowhere"}, nil
	}}
	_, err := rig.measure(t.Context(), broken, scenarios(sizes{})[0])
	if err == nil || !strings.Contains(err.Error(), "broken: exit status 1") {
		t.Errorf("reported as %v", err)
	}
}

func TestAnInterruptLeavesNoProcess(t *testing.T) {
	rig := testRig(t)
	rig.pace.window = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := contender{Name: "relay", argv: func(s site) ([]string, error) {
		time.AfterFunc(300*time.Millisecond, cancel) // about where the load begins; any instant must do
		return goroutines(rig.self).argv(s)
	}}
	if _, err := rig.measure(ctx, begun, scenarios(sizes{})[1]); err == nil {
		t.Error("no error")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--proxies", "squid"}, {"--scenarios", "lunch"}, {"--rounds", "0"}, {"--what"}, {"lunch"},
	} {
		var said bytes.Buffer
		if code := execute(t.Context(), args, io.Discard, &said); code != exitUsage {
			t.Errorf("%q: exit code %d, %s", args, code, &said)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1, 9}, spread{3, 1, 9}},
		{[]float64{4, 1, 9, 2}, spread{3, 1, 9}},
	} {
		if diff := cmp.Diff(test.want, spreadOf(test.values)); diff != "" {
			t.Errorf("of %v: %s", test.values, diff)
		}
	}
}

func TestRelativeFiguresLeaveFaultyRoundsOut(t *testing.T) {
	at := func(proxy time.Duration) sample { return sample{ProxyCPU: proxy, PeersCPU: 8} }
	var unit, other tally
	for round, fault := range []error{nil, io.EOF, nil} {
		unit.add(at(2), nil)
		other.add(at(time.Duration(4+4*round)), fault)
	}
	e := other.entry("other", sample.cpuRatio, &unit)
	if diff := cmp.Diff(spread{4, 2, 6}, e.Relative); diff != "" {
		t.Error(diff)
	}
	if len(e.Faults) != 1 || len(e.Samples) != 3 {
		t.Errorf("%d faults, %d samples", len(e.Faults), len(e.Samples))
	}
}

func TestStreamModule(t *testing.T) {
	dir := t.TempDir()
	module := filepath.Join(dir, "ngx_stream_module.so")
	dynamic := []string{"--with-stream=dynamic", "--modules-path=" + dir}
	if _, err := streamModule(dynamic); err == nil {
		t.Error("found where it is not")
	}
	if err := os.WriteFile(module, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if path, err := streamModule(dynamic); path != module || err != nil {
		t.Errorf("found at %q, %v", path, err)
	}
	if path, err := streamModule([]string{"--with-stream"}); path != "" || err != nil {
		t.Errorf("built in, but found at %q, %v", path, err)
	}
}
