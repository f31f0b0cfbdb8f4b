// Package prometheus_test holds the rules to what they promise: promtool reads and tests them, the README explains each alert, and a
// real Prometheus fires each when a running gateway has that fault.
package prometheus_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"idlegate/deploy/internal/lab"
)

const (
	rulesFile = "idlegate.rules.yml"
	testsFile = "idlegate.rules.test.yml"
)

// rule is a rule of the file, of either kind.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

func readRules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	if err := yaml.Unmarshal([]byte(read(t, rulesFile)), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// alerts are the names of all alerts.
func alerts(t *testing.T) (names []string) {
	t.Helper()
	for _, r := range readRules(t) {
		if r.Alert != "" {
			names = append(names, r.Alert)
		}
	}
	if len(names) < 15 {
		t.Fatalf("only %d alerts were read", len(names))
	}
	return names
}

func TestRulesPassTheirUnitTests(t *testing.T) {
	lab.Needs(t, "promtool")
	lab.Command(t, ".", "promtool", "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
	lab.Command(t, ".", "promtool", "test", "rules", testsFile)
	lab.Command(t, ".", "promtool", "check", "config", "prometheus.yml")
}

func TestEveryAlertSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		for _, key := range []string{"summary", "description"} {
			if r.Annotations[key] == "" {
				t.Errorf("%s has no %s", r.Alert, key)
			}
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		if want := "deploy/prometheus/README.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("the runbook of %s is at %q, not %q", r.Alert, r.Annotations["runbook_url"], want)
		}
	}
}

// A test that never expects an alert could not fail where the rule is wrong, nor could one that always does.
func TestEveryAlertHasUnitTestsInWhichItFiresAndIsSilent(t *testing.T) {
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name     string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, testsFile)), &file); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			if len(a.Expected) > 0 {
				fires[a.Name] = true
			} else {
				silent[a.Name] = true
			}
		}
	}
	for _, name := range alerts(t) {
		if !fires[name] {
			t.Errorf("no unit test has %s fire", name)
		}
		if !silent[name] {
			t.Errorf("no unit test has %s silent", name)
		}
	}
}

var heading = regexp.MustCompile(`(?m)^### (Idlegate\w+)$`)

func TestTheRunbookHasEachAlert(t *testing.T) {
	var headings []string
	for _, m := range heading.FindAllStringSubmatch(read(t, "README.md"), -1) {
		headings = append(headings, m[1])
	}
	if names := alerts(t); !slices.Equal(headings, names) {
		t.Errorf("the README has\n%q\nand the rules are\n%q", headings, names)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
