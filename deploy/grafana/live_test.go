package grafana_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"idlegate/deploy/internal/built"
	"idlegate/deploy/internal/lab"
)

// lively is a policy of which every metric has something to say. Endpoints are those of the echo and of the greeter.
const lively = `
policies:
  talk: {long: {idle_timeout: 10s, probe: {after: 500ms, timeout: 5s}}}
  tried: {long: {idle_timeout: 10s, dry_run: {idle_timeout: 500ms}}}
  hasty: {long: {idle_timeout: 500ms}}
  patient: {long: {idle_timeout: 1h}}
upstreams:
  echo: {endpoints: ["%[1]s"]}
  greeter: {endpoints: ["%[2]s"], eject: none}
  named: {endpoints: ["localhost:%[3]s"]}
routes:
  - name: chat
    listen: 127.0.0.1:0
    protocol: {delimiter: {text: "\n"}, heartbeat: {match: {text: ping}, answer: {text: pong}}}
    upstream: echo
    policy: talk
  - {name: tried, listen: 127.0.0.1:0, protocol: delimiter, upstream: echo, policy: tried}
  - {name: hasty, listen: 127.0.0.1:0, protocol: delimiter, upstream: named, policy: hasty}
  - {name: narrow, listen: 127.0.0.1:0, protocol: delimiter, upstream: echo, policy: patient, limits: {connections: 2}}
  - {name: greeted, listen: 127.0.0.1:0, protocol: delimiter, upstream: greeter, policy: patient}
  - {name: secret, listen: 127.0.0.1:0, protocol: delimiter, upstream: echo, policy: patient, tls: {cert: gate.pem, key: gate.key}}
`

// emptyIsWell are the queries that rightly find nothing while nothing of the kind happens, and why it does not happen here.
var emptyIsWell = map[string]string{
	"annotation Starts": "the gateway was started before Prometheus was, and is not again",
}

// TestEveryQueryFindsSomething runs all queries of the dashboard as Grafana would, with all values of its variables chosen, against
// a Prometheus that keeps native histograms and one that does not.
func TestEveryQueryFindsSomething(t *testing.T) {
	lab.Needs(t, "prometheus")
	gateway := play(t)
	for name, flags := range map[string][]string{"native histograms": {lab.NativeHistograms}, "classic histograms": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			find(t, startPrometheus(t, gateway, flags))
		})
	}
}

// play starts a gateway at which something of every kind happens.
func play(t *testing.T) *lab.Gateway {
	t.Helper()
	echo, greeter, dir := lab.StartBackend(t), lab.StartGreeter(t), t.TempDir()
	lab.Certificate(t, dir, "gate", 24*time.Hour)
	policy := fmt.Sprintf(lively, echo.Address, greeter.Address, strings.TrimPrefix(echo.Address, "127.0.0.1:"))
	g := lab.StartGateway(t, dir, lab.GatewayConfig{Binary: built.Binary(t, runtime.GOARCH), Policy: policy})
	for _, fleet := range []lab.FleetConfig{
		{To: g.Address("chat"), Clients: 4, Every: 2 * time.Second, Probes: true},
		{To: g.Address("tried"), Clients: 4, Every: 2 * time.Second}, // too late for the dry run
		{To: g.Address("chat"), Clients: 4, Every: 200 * time.Millisecond, Message: "ping\n"},
		{To: g.Address("hasty"), Clients: 4},
		{To: g.Address("narrow"), Clients: 4},
		{To: g.Address("greeted"), Clients: 2},
		{To: g.Address("secret"), Clients: 2, Every: 200 * time.Millisecond}, // they speak no TLS
	} {
		lab.StartFleet(t, fleet)
	}
	edits := time.NewTicker(3 * time.Second)
	t.Cleanup(edits.Stop)
	go func() {
		for i := 1; ; i++ {
			select {
			case <-t.Context().Done():
				return
			case <-edits.C:
				g.Edit(fmt.Sprintf("gateway: {drain_timeout: %ds}\n", i) + policy)
			}
		}
	}()
	return g
}

// startPrometheus scrapes the gateway every second, and has the rules.
func startPrometheus(t *testing.T, gateway *lab.Gateway, flags []string) *lab.Prometheus {
	t.Helper()
	dir := t.TempDir()
	const rules = "idlegate.rules.yml"
	if err := os.WriteFile(filepath.Join(dir, rules), read(t, "../prometheus/"+rules), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs: [{job_name: idlegate, static_configs: [{targets: ['%s']}]}]
`, rules, gateway.Admin)
	return lab.StartPrometheus(t, lab.PrometheusConfig{Config: config, Dir: dir, Flags: flags})
}

// find waits until each query has found something.
func find(t *testing.T, prometheus *lab.Prometheus) {
	t.Helper()
	b := readBoard(t)
	var chosen *strings.Replacer
	lab.Until(t, "each variable has values", func() (ok bool) {
		chosen, ok = choose(t, prometheus, b)
		return ok
	})
	left := b.queries()
	var failure map[string]error
	defer func() {
		for what := range left {
			t.Errorf("%s finds nothing (%v): %s", what, failure[what], chosen.Replace(b.queries()[what]))
		}
	}()
	lab.Until(t, "each query has found something", func() bool {
		failure = map[string]error{}
		for what, expr := range left {
			samples, err := prometheus.Query(chosen.Replace(expr))
			failure[what] = err
			if err == nil && (emptyIsWell[what] != "" || anyNumber(samples)) {
				delete(left, what)
			}
		}
		return len(left) == 0
	})
}

// anyNumber reports whether there is a value that can be drawn.
func anyNumber(samples []lab.Sample) bool {
	for _, s := range samples {
		if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
			return true
		}
	}
	return false
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// choose asks for the values of each variable, one after the other as Grafana does, and replaces variables by all of them.
func choose(t *testing.T, prometheus *lab.Prometheus, b board) (chosen *strings.Replacer, ok bool) {
	t.Helper()
	pairs := []string{"$__rate_interval", "10s", "$__range", "1m"}
	for _, v := range b.Templating.List {
		if v.Name == "datasource" {
			continue
		}
		m := labelValues.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Fatalf("the values of $%s are %q", v.Name, v.Definition)
		}
		values, err := prometheus.Values(m[2], strings.NewReplacer(pairs...).Replace(m[1]))
		if err != nil || len(values) == 0 {
			return nil, false
		}
		for i, value := range values {
			values[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`)
		}
		pairs = append(pairs, "$"+v.Name, "("+strings.Join(values, "|")+")")
	}
	return strings.NewReplacer(pairs...), true
}
