package prometheus_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/lab"
)

// TestEveryAlertFires has each fault happen to a running gateway, and a real Prometheus with these rules, hastened, must say so; and
// once it is mended, no more. A gateway to which nothing happens never raises an alert.
func TestEveryAlertFires(t *testing.T) {
	lab.Needs(t, "prometheus")
	s := &stage{T: t, binary: built.Binary(t, runtime.GOARCH)}
	well := s.gateway("well", lab.GatewayConfig{Policy: lines("any", patient, "", lab.StartBackend(t).Address)})
	lab.StartFleet(t, lab.FleetConfig{To: well.Address("any"), Clients: 10, Every: time.Second})
	all := []fault{
		s.gone(), s.full(), s.limited(), s.slow(), s.late(), s.muted(), s.severed(), s.hushed(), s.tight(), s.exhausted(), s.lost(), s.edited(), s.expiring(),
	}
	complete(t, all)
	w := &watch{T: t, prometheus: s.prometheus(), seen: map[string]lab.Alert{}}
	w.quiet()
	for _, f := range all {
		f.provoke()
	}
	w.fired(all)
	for _, f := range all {
		if f.mend != nil {
			f.mend()
		}
	}
	w.resolved(all)
	w.neverFired("well")
}

// complete holds the faults to the rules: each alert has one.
func complete(t *testing.T, all []fault) {
	t.Helper()
	var fired []string
	for _, f := range all {
		for _, e := range f.fires {
			fired = append(fired, e.alert)
		}
	}
	names := alerts(t)
	slices.Sort(fired)
	slices.Sort(names)
	if !slices.Equal(fired, names) {
		t.Fatalf("faults fire\n%q\nand the rules are\n%q", fired, names)
	}
}

// prometheus scrapes all gateways every second, with the rules hastened.
func (s *stage) prometheus() *lab.Prometheus {
	s.Helper()
	dir := s.TempDir()
	rules, err := lab.Hasten(read(s.T, rulesFile))
	if err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, rulesFile), []byte(rules), 0o600); err != nil {
		s.Fatal(err)
	}
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%s]\n", rulesFile)
	config.WriteString("scrape_configs:\n  - job_name: any\n    static_configs:\n")
	for _, target := range s.targets {
		fmt.Fprintf(&config, "      - {targets: ['%s'], labels: {job: %s}}\n", target.gateway.Admin, target.job)
	}
	return lab.StartPrometheus(s, lab.PrometheusConfig{Config: config.String(), Dir: dir, Flags: []string{lab.NativeHistograms}})
}

// watch looks at what fires.
type watch struct {
	*testing.T
	prometheus *lab.Prometheus
	seen       map[string]lab.Alert // by job and alert, the last sight of each that had to fire
}

func (w *watch) alerts() []lab.Alert {
	w.Helper()
	all, err := w.prometheus.Alerts()
	if err != nil {
		w.Fatal(err)
	}
	return slices.DeleteFunc(all, func(a lab.Alert) bool { return a.State != "firing" })
}

// quiet waits until Prometheus knows what is usual, and demands that nothing has fired.
func (w *watch) quiet() {
	w.Helper()
	lab.Until(w, "the past is long enough to compare with", func() bool {
		samples, err := w.prometheus.Query(`count(avg_over_time(route:idlegate_timeouts:increase10m[24m] offset 10s))`)
		return err == nil && len(samples) > 0
	})
	busy := map[string]bool{"IdlegateDown": true, "IdlegateTimersLate": true} // what a machine that does much else may make of scrapes and timers
	for _, a := range w.alerts() {
		if !busy[a.Labels["alertname"]] {
			w.Errorf("it fires before anything has happened: %v", a.Labels)
		}
	}
}

// fired waits until each fault has fired what it must.
func (w *watch) fired(all []fault) {
	w.Helper()
	began := time.Now()
	defer func() {
		if missing := w.missing(all); len(missing) > 0 {
			w.Logf("these have not fired: %q", missing)
		}
	}()
	lab.Until(w, "each fault has fired its alerts", func() bool {
		w.note(all)
		return len(w.missing(all)) == 0
	})
	w.Logf("all had fired after %s", time.Since(began).Round(time.Second))
	for _, a := range w.seen {
		w.explains(a)
	}
}

// note remembers what fires now of what must.
func (w *watch) note(all []fault) {
	w.Helper()
	firing := w.alerts()
	for _, f := range all {
		for _, e := range f.fires {
			i := slices.IndexFunc(firing, func(a lab.Alert) bool {
				return a.Labels["job"] == f.job && a.Labels["alertname"] == e.alert && e.meets(a)
			})
			if i >= 0 {
				w.seen[f.job+" "+e.alert] = firing[i]
			}
		}
	}
}

// missing are the jobs and alerts that must fire and have not yet.
func (w *watch) missing(all []fault) (missing []string) {
	for _, f := range all {
		for _, e := range f.fires {
			if _, ok := w.seen[f.job+" "+e.alert]; !ok {
				missing = append(missing, f.job+" "+e.alert)
			}
		}
	}
	return missing
}

// meets reports whether an alert has the labels.
func (e expected) meets(a lab.Alert) bool {
	both := maps.Clone(a.Labels)
	maps.Copy(both, e.labels)
	return maps.Equal(a.Labels, both)
}

// explains demands that the words of an alert were filled in, with the labels that say where it is.
func (w *watch) explains(a lab.Alert) {
	w.Helper()
	text := a.Annotations["summary"] + " " + a.Annotations["description"]
	for _, sign := range []string{"<error", "<no value>", "{{", "NaN", "  "} {
		if strings.Contains(text, sign) {
			w.Errorf("%s says %q", a.Labels["alertname"], text)
		}
	}
	for _, label := range []string{"route", "upstream", "endpoint", "certificate"} {
		if value := a.Labels[label]; value != "" && !strings.Contains(text, value) {
			w.Errorf("%s has the %s %s and does not name it: %q", a.Labels["alertname"], label, value, text)
		}
	}
}

// resolved waits until nothing fires of the jobs whose fault was mended.
func (w *watch) resolved(all []fault) {
	w.Helper()
	began := time.Now()
	for _, f := range all {
		if f.mend == nil {
			continue
		}
		lab.Until(w, f.job+" fires no more", func() bool {
			return !slices.ContainsFunc(w.alerts(), func(a lab.Alert) bool { return a.Labels["job"] == f.job })
		})
	}
	w.Logf("all that were mended had ended after %s", time.Since(began).Round(time.Second))
}

// neverFired demands of a job that it has raised no alert. On a machine that does much else a scrape may have been late.
func (w *watch) neverFired(job string) {
	w.Helper()
	samples, err := w.prometheus.Query(`count by (alertname) (count_over_time(ALERTS{alertstate="firing", alertname!="IdlegateDown", job="` + job + `"}[1h]))`)
	if err != nil {
		w.Fatal(err)
	}
	for _, sample := range samples {
		w.Errorf("job %s fired %s", job, sample.Labels["alertname"])
	}
}
