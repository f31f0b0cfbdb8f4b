package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/cmd/idlebench/internal/load"
)

var update = flag.Bool("update", false, "write the goldens in testdata")

// fixedReport is small and has one of everything: names with markup in them, a bar beyond the axis, a failure, connections
// closed early or never, a contender that is no proxy.
func fixedReport() report {
	around := func(f float64) spread { return spread{f, 0.95 * f, 1.1 * f} }
	worked := func(proxy string, relative float64) entry {
		return entry{Proxy: proxy, Relative: around(relative), CPURatio: around(relative / 2), Rate: around(80_000)}
	}
	rests := func(proxy string, bytes float64) entry { return entry{Proxy: proxy, Bytes: around(bytes)} }
	closes := func(proxy string, share float64, earliest, late time.Duration) entry {
		e := entry{Proxy: proxy, Samples: []sample{{Result: load.Result{Closes: load.Closes{Watched: 100}}}}}
		e.Closed = spread{share, share, share}
		e.Earliest, e.Late99 = around(float64(earliest)), around(float64(late))
		return e
	}
	figures := map[string][]figure{
		"roundtrip": {cpuFigure()}, "connect": {cpuFigure()}, "due": {earliestFigure(), lateFigure()}, "idle": {bytesFigure()},
	}
	rest := []column{{"bytes", func(e entry) string { return e.Bytes.format("%.0f") }}}
	late := []column{{"p99 late", func(e entry) string { return e.Late99.format("%.0f") }}}
	work := append(costColumns(nameHAProxy), column{"a second", func(e entry) string { return e.Rate.format("%.0f") }})
	broken := entry{Proxy: nameNginx, Faults: []string{"connection 7: checksum\nof <message> 3"}}
	direct := entry{Proxy: nameDirect, Rate: around(150_000)}
	r := report{
		Machine: machine{CPUs: 2, Kernel: "6.18.1", Go: "go1.26", Threads: 2, Network: "reno in a network namespace of its own",
			Proxies: map[string]string{nameHAProxy: "HAProxy version 2.6 <lts>", nameIdlegate: "idlegate 1.0", nameDirect: ""}},
		Unit: nameHAProxy,
		Scenarios: []scenarioReport{
			{Name: "roundtrip", What: `round trips <b>"of 64 B"</b> | both & all`, columns: work,
				Entries: []entry{worked(nameIdlegate, 0.85), worked(nameHAProxy, 1), worked(nameNginx, 0.9), direct}},
			{Name: "connect", What: "connect_exchange*close, 16 at a time", columns: work,
				Entries: []entry{worked(nameIdlegate, 0.8), worked(nameHAProxy, 1), broken, direct}},
			{Name: "bulk", What: "bulk", columns: costColumns(nameHAProxy),
				Entries: []entry{worked(nameIdlegate, 0.7), worked(nameHAProxy, 1), worked(nameNginx, 2.64)}},
			{Name: "due", What: "2,000 connections due within 1s", columns: late,
				Entries: []entry{closes(nameIdlegate, 1, 0, 2300*time.Microsecond),
					closes(nameHAProxy, 0.98, -700*time.Microsecond, 12*time.Millisecond), closes(nameNginx, 0, 0, 0)}},
			{Name: "idle", What: "idle connections", Idle: true, columns: rest,
				Entries: []entry{rests(nameIdlegate, 690), rests(nameHAProxy, 3396), rests(nameNginx, 9808), direct}},
		},
	}
	for i := range r.Scenarios {
		r.Scenarios[i].figures = figures[r.Scenarios[i].Name]
	}
	return r
}

func TestReportAsDocument(t *testing.T) {
	dir := t.TempDir()
	if err := fixedReport().writeAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"table.md", "chart.svg"} {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, have, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(have)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestChartIsWellFormedWhateverIsMissing(t *testing.T) {
	whole := fixedReport()
	for name, r := range map[string]report{
		"all":                  whole,
		"nothing measured":     {Unit: nameHAProxy},
		"without the unit":     {Unit: "<none>", Scenarios: whole.Scenarios},
		"only a failure":       {Unit: nameHAProxy, Scenarios: []scenarioReport{{What: "x", Entries: []entry{{Proxy: "y", Faults: []string{"z"}}}}}},
		"only rest":            {Unit: nameHAProxy, Scenarios: whole.Scenarios[4:]},
		"only what was closed": {Unit: nameHAProxy, Scenarios: whole.Scenarios[3:4]},
	} {
		t.Run(name, func(t *testing.T) {
			chart := r.chart()
			decoder := xml.NewDecoder(strings.NewReader(chart))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%v in\n%s", err, chart)
				}
			}
			if strings.Contains(chart, "NaN") || strings.Contains(chart, "Inf") {
				t.Errorf("a place that is no number in\n%s", chart)
			}
		})
	}
}

func TestScaleEndsAtARoundFigureBeyondTheLongestBar(t *testing.T) {
	for _, test := range []struct {
		longest, most float64
		step, limit   float64
	}{
		{0, 2, 0.25, 1},
		{1.63, 2, 0.25, 1.75},
		{1, 2, 0.25, 1},
		{3.01, 2, 0.5, 2},
		{9845, math.Inf(1), 2000, 10000},
		{0.7, math.Inf(1), 0.1, 0.7},
	} {
		p := panel{steps: 4, groups: []barGroup{{bars: []bar{{spread: spread{Max: test.longest}}}}}}
		p.scale(test.most)
		if diff := cmp.Diff([]float64{test.step, test.limit}, []float64{p.step, p.limit}, approximately()); diff != "" {
			t.Errorf("longest bar %v: %s", test.longest, diff)
		}
	}
}

func approximately() cmp.Option {
	return cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"":                               nil,
		"short":                          {"short"},
		"round trips, 1,000 connections": {"round trips,", "1,000 connections"},
		"one two three four five":        {"one two three four", "five"},
		"averyveryverylongwordindeed x":  {"averyveryverylongwordindeed", "x"},
	} {
		if diff := cmp.Diff(want, wrap(text, 18)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestThousands(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 1234567: "1,234,567", -7987: "-7,987", -100: "-100"} {
		if have := thousands(f); have != want {
			t.Errorf("%v is %q, not %q", f, have, want)
		}
	}
}
