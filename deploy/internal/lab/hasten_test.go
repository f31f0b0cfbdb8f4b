package lab_test

import (
	"testing"

	"idlegate/deploy/internal/lab"
)

func TestHastenedRulesDifferInDurationsAlone(t *testing.T) {
	for written, want := range map[string]string{
		"for: 5m":                                "for: 5s",
		"for: 30s":                               "for: 500ms",
		"rate(x[1h])":                            "rate(x[1m])",
		"avg_over_time(x:rate5m[1d] offset 10m)": "avg_over_time(x:rate5m[24m] offset 10s)",
		"x - time() < 14 * 86400":                "x - time() < 14 * 86400",
		"for five minutes":                       "for five minutes",
	} {
		if got, err := lab.Hasten(written); err != nil || got != want {
			t.Errorf("%s became %s, %v", written, got, err)
		}
	}
}
