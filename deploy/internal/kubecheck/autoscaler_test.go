package kubecheck

import (
	"os"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

// The adapter itself is not to be had as a module: what is held here is that its rule serves, under the name that the autoscaler asks
// for, a metric that the gateway has.
func TestTheAdapterServesWhatTheAutoscalerAsksFor(t *testing.T) {
	text, err := os.ReadFile(kubernetes + "/components/autoscaler/adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var adapter struct {
		Rules []struct {
			SeriesQuery  string         `json:"seriesQuery"`
			Resources    map[string]any `json:"resources"`
			Name         struct{ Matches, As string }
			MetricsQuery string `json:"metricsQuery"`
		} `json:"rules"`
	}
	if err := yaml.UnmarshalStrict(text, &adapter); err != nil || len(adapter.Rules) != 1 {
		t.Fatalf("%d rules: %v", len(adapter.Rules), err)
	}
	rule := adapter.Rules[0]
	metric := regexp.MustCompile(`^[a-z_]+`).FindString(rule.SeriesQuery)
	if !regexp.MustCompile(rule.Name.Matches).MatchString(metric) {
		t.Errorf("the rule asks for %s and is for %s", metric, rule.Name.Matches)
	}
	reference, err := os.ReadFile(root + "/gateway/admin/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(regexp.MustCompile("^idlegate_").ReplaceAllString(metric, "")) + "` \\|").Match(reference) {
		t.Errorf("the gateway has no metric %s", metric)
	}
	eachRendering(t, func(t *testing.T, o objects) {
		for _, s := range o.scalers {
			if asked := s.Spec.Metrics[0].Pods.Metric.Name; asked != rule.Name.As {
				t.Errorf("autoscaler %s asks for %s, and the adapter serves %s", s.Name, asked, rule.Name.As)
			}
		}
	})
}
