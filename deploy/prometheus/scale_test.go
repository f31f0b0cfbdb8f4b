package prometheus_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// haste is how many times as fast as it is written the rules are run: a minute is a second.
const haste = 60

// spans are all durations of the file: how far a selector looks back, by how much it is set back, and for how long an alert must hold.
var spans = regexp.MustCompile(`(\[|\boffset |\bfor: )(\d+[smhd])\b`)

// hasten divides every duration in rules by haste, and changes nothing else. What rules compare are counts and shares of what happened
// in a span, never rates, so that a fault is as bad in a hastened minute as in a true one.
func hasten(rules string) (string, error) {
	var failure error
	hastened := spans.ReplaceAllStringFunc(rules, func(found string) string {
		m := spans.FindStringSubmatch(found)
		d, err := model.ParseDuration(m[2])
		short := time.Duration(d) / haste
		if err == nil && short%time.Millisecond != 0 {
			err = fmt.Errorf("a sixtieth of %s is no whole number of milliseconds", m[2])
		}
		if err != nil {
			failure = err
		}
		return m[1] + model.Duration(short).String()
	})
	return hastened, failure
}

func TestHastenedRulesDifferInDurationsAlone(t *testing.T) {
	for written, want := range map[string]string{
		"for: 5m":                                "for: 5s",
		"for: 30s":                               "for: 500ms",
		"rate(x[1h])":                            "rate(x[1m])",
		"avg_over_time(x:rate5m[1d] offset 10m)": "avg_over_time(x:rate5m[24m] offset 10s)",
		"x - time() < 14 * 86400":                "x - time() < 14 * 86400",
		"for five minutes":                       "for five minutes",
	} {
		if got, err := hasten(written); err != nil || got != want {
			t.Errorf("%s became %s, %v", written, got, err)
		}
	}
	before := readRules(t)
	if found := len(spans.FindAllString(read(t, rulesFile), -1)); found < len(before) {
		t.Errorf("there are %d durations in %d rules", found, len(before))
	}
}
