package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"idlegate/cmd/idlebench/internal/load"
)

// report is everything that was measured, and where.
type report struct {
	Machine   machine          `json:"machine"`
	Unit      string           `json:"unit"` // the proxy that the relative figures divide by
	Scenarios []scenarioReport `json:"scenarios"`
}

type machine struct {
	CPUs    int               `json:"cpus"`
	Kernel  string            `json:"kernel"`
	Go      string            `json:"go"`
	Threads int               `json:"threads"` // of each proxy
	Proxies map[string]string `json:"proxies"` // their versions
}

// scenarioReport has its entries in the order in which the proxies were named.
type scenarioReport struct {
	Name    string  `json:"name"`
	What    string  `json:"what"`
	Idle    bool    `json:"idle"`
	Entries []entry `json:"entries"`
}

// entry is what one proxy did in one scenario. Samples are by round; the figures leave rounds with a fault out.
type entry struct {
	Proxy      string   `json:"proxy"`
	CPURatio   spread   `json:"cpu_ratio"`          // CPU of the proxy over that of backend and load generator
	Relative   spread   `json:"relative_cpu_ratio"` // that over the unit's of the same round; 0 without one
	Rate       spread   `json:"per_second"`
	P50        spread   `json:"p50"`  // nanoseconds
	P99        spread   `json:"p99"`  // nanoseconds
	P999       spread   `json:"p999"` // nanoseconds
	Bytes      spread   `json:"bytes_per_connection"`
	IdleMicros spread   `json:"idle_cpu_microseconds_per_second"`
	Faults     []string `json:"faults,omitempty"`
	Samples    []sample `json:"samples"`
}

func describeMachine(threads int, contenders []contender) machine {
	m := machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), Threads: threads, Proxies: map[string]string{}}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	for _, c := range contenders {
		m.Proxies[c.Name] = c.Version
	}
	return m
}

// tally is what was measured of one proxy in one scenario; entries of samples and faults are by round.
type tally struct {
	samples []sample
	faults  []error
}

func (t *tally) add(s sample, fault error) {
	t.samples, t.faults = append(t.samples, s), append(t.faults, fault)
}

// over returns a figure of every round without a fault.
func (t *tally) over(figure func(sample) float64) spread {
	var values []float64
	for i, s := range t.samples {
		if t.faults[i] == nil {
			values = append(values, figure(s))
		}
	}
	return spreadOf(values)
}

// entry computes the figures. Unit may be nil.
func (t *tally) entry(proxy string, unit *tally) entry {
	e := entry{Proxy: proxy, Samples: t.samples}
	for _, fault := range t.faults {
		if fault != nil {
			e.Faults = append(e.Faults, fault.Error())
		}
	}
	e.CPURatio = t.over(sample.cpuRatio)
	e.Rate = t.over(func(s sample) float64 { return float64(s.Operations) / s.Elapsed.Seconds() })
	e.P50 = t.over(func(s sample) float64 { return float64(s.P50) })
	e.P99 = t.over(func(s sample) float64 { return float64(s.P99) })
	e.P999 = t.over(func(s sample) float64 { return float64(s.P999) })
	e.Bytes = t.over(func(s sample) float64 { return s.BytesPerConnection })
	e.IdleMicros = t.over(func(s sample) float64 {
		if s.IdleTime == 0 {
			return 0
		}
		return float64(s.IdleCPU.Microseconds()) / s.IdleTime.Seconds()
	})
	e.Relative = t.relative(unit)
	return e
}

// relative compares round by round, since what disturbs one measurement often lasts longer than that.
func (t *tally) relative(unit *tally) spread {
	if unit == nil {
		return spread{}
	}
	var values []float64
	for i, s := range t.samples {
		if t.faults[i] == nil && unit.faults[i] == nil {
			values = append(values, s.cpuRatio()/unit.samples[i].cpuRatio())
		}
	}
	return spreadOf(values)
}

func newScenarioReport(sc scenario, contenders []contender, tallies []*tally, unit string) scenarioReport {
	var of *tally
	for i, c := range contenders {
		if c.Name == unit {
			of = tallies[i]
		}
	}
	r := scenarioReport{Name: sc.Name, What: sc.What, Idle: sc.Load.Mode == load.Idle}
	for i, c := range contenders {
		r.Entries = append(r.Entries, tallies[i].entry(c.Name, of))
	}
	return r
}

// writeTable prints one scenario. Median first, then the extremes.
func (r scenarioReport) writeTable(w io.Writer, unit string) error {
	fmt.Fprintf(w, "\n%s (%s)\n", r.What, r.Name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Idle {
		fmt.Fprintln(t, "  proxy\tbytes a connection\tidle CPU, µs a second")
	} else {
		fmt.Fprintf(t, "  proxy\tCPU / peers' CPU\tof %s\ta second\tp50\tp99\tp99.9\n", unit)
	}
	for _, e := range r.Entries {
		switch {
		case len(e.Faults) > 0:
			fmt.Fprintf(t, "  %s\tFAILED: %s\n", e.Proxy, strings.ReplaceAll(strings.TrimSpace(e.Faults[0]), "\n", "\n    "))
		case r.Idle:
			fmt.Fprintf(t, "  %s\t%s\t%.0f (%.0f..%.0f)\n", e.Proxy, e.Bytes.format("%.0f"),
				e.IdleMicros.Median, e.IdleMicros.Min, e.IdleMicros.Max)
		default:
			fmt.Fprintf(t, "  %s\t%s\t%s\t%.0f\t%s\t%s\t%s\n", e.Proxy, e.CPURatio.format("%.3f"), e.Relative.format("%.2f"),
				e.Rate.Median, micros(e.P50.Median), micros(e.P99.Median), micros(e.P999.Median))
		}
	}
	return t.Flush()
}

// format returns "median (least..most)", or a dash where there is nothing.
func (s spread) format(number string) string {
	if s == (spread{}) {
		return "-"
	}
	return fmt.Sprintf(number+" ("+number+".."+number+")", s.Median, s.Min, s.Max)
}

func micros(nanoseconds float64) string {
	return fmt.Sprintf("%.0fµs", nanoseconds/float64(time.Microsecond))
}

func (r report) writeJSON(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
