package main

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
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
	Network string            `json:"network"` // its congestion control, and whose it is
	Proxies map[string]string `json:"proxies"` // their versions
}

// scenarioReport has its entries in the order in which the proxies were named.
type scenarioReport struct {
	Name    string  `json:"name"`
	What    string  `json:"what"`
	Idle    bool    `json:"idle"`
	Entries []entry `json:"entries"`

	columns []column
	figures []figure
}

// entry is what one proxy did in one scenario. Samples are by round; the figures leave rounds with a fault out.
type entry struct {
	Proxy      string   `json:"proxy"`
	CPURatio   spread   `json:"cpu_ratio"`                // CPU of the proxy over that of backend and load generator
	Relative   spread   `json:"relative_cost"`            // that, in bulk the next, over the unit's of the same round; 0 without one
	PerGB      spread   `json:"cpu_seconds_per_gb"`       // of proxy, backend and load generator together; 0 unless in bulk
	OwnPerGB   spread   `json:"proxy_cpu_seconds_per_gb"` // of the proxy's alone; 0 unless in bulk
	Each       spread   `json:"cpu_microseconds_per_operation"`
	Rate       spread   `json:"per_second"`
	Throughput spread   `json:"bytes_per_second"` // of messages, both ways together; 0 unless in bulk
	P50        spread   `json:"p50"`              // nanoseconds
	P99        spread   `json:"p99"`              // nanoseconds
	P999       spread   `json:"p999"`             // nanoseconds
	Bytes      spread   `json:"bytes_per_connection"`
	IdleMicros spread   `json:"idle_cpu_microseconds_per_second"`
	Closed     spread   `json:"closed_share"`    // of connections that the proxy was to close, from 0 to 1
	Earliest   spread   `json:"closed_earliest"` // nanoseconds after it was due; negative: too early
	Late50     spread   `json:"closed_late_p50"` // nanoseconds after it was due
	Late99     spread   `json:"closed_late_p99"` // nanoseconds after it was due
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
func (t *tally) entry(proxy string, cost func(sample) float64, unit *tally) entry {
	e := entry{Proxy: proxy, Samples: t.samples}
	for _, fault := range t.faults {
		if fault != nil {
			e.Faults = append(e.Faults, fault.Error())
		}
	}
	e.CPURatio = t.over(sample.cpuRatio)
	e.Each = t.over(func(s sample) float64 { return over(s.ProxyCPU.Seconds()*1e6, float64(s.Operations)) })
	e.PerGB = t.over(sample.perGB)
	e.OwnPerGB = t.over(func(s sample) float64 { return over(s.ProxyCPU.Seconds(), float64(s.Bytes)/1e9) })
	e.Throughput = t.over(func(s sample) float64 { return float64(s.Bytes) / s.Elapsed.Seconds() })
	e.Rate = t.over(func(s sample) float64 { return float64(s.Operations) / s.Elapsed.Seconds() })
	e.P50 = t.over(func(s sample) float64 { return float64(s.P50) })
	e.P99 = t.over(func(s sample) float64 { return float64(s.P99) })
	e.P999 = t.over(func(s sample) float64 { return float64(s.P999) })
	e.Bytes = t.over(func(s sample) float64 { return s.BytesPerConnection })
	e.IdleMicros = t.over(func(s sample) float64 { return over(s.IdleCPU.Seconds()*1e6, s.IdleTime.Seconds()) })
	e.Closed = t.over(func(s sample) float64 { return over(float64(s.Closes.Closed), float64(s.Closes.Watched)) })
	e.Earliest = t.over(func(s sample) float64 { return float64(s.Closes.Earliest) })
	e.Late50 = t.over(func(s sample) float64 { return float64(s.Closes.P50) })
	e.Late99 = t.over(func(s sample) float64 { return float64(s.Closes.P99) })
	e.Relative = t.relative(cost, unit)
	return e
}

// over is a/b, and 0 where there is nothing to divide by.
func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// relative compares round by round, since what disturbs one measurement often lasts longer than that. Where there is no
// proxy there is nothing to compare.
func (t *tally) relative(cost func(sample) float64, unit *tally) spread {
	if unit == nil {
		return spread{}
	}
	var values []float64
	for i, s := range t.samples {
		if t.faults[i] == nil && unit.faults[i] == nil && s.ProxyCPU > 0 {
			values = append(values, cost(s)/cost(unit.samples[i]))
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
	r := scenarioReport{Name: sc.Name, What: sc.What, Idle: sc.Idle, columns: sc.Columns(unit), figures: sc.Figures}
	for i, c := range contenders {
		r.Entries = append(r.Entries, tallies[i].entry(c.Name, sc.cost(), of))
	}
	return r
}

func (r report) writeJSON(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
