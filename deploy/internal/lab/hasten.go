package lab

import (
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

// haste is how many times as fast as it is written the rules are run: a minute is a second.
const haste = 60

// spans are all durations of the file: how far a selector looks back, by how much it is set back, and for how long an alert must hold.
var spans = regexp.MustCompile(`(\[|\boffset |\bfor: )(\d+[smhd])\b`)

// Hasten divides every duration in rules by haste, and changes nothing else. What rules compare are counts and shares of what happened
// in a span, never rates, so that a fault is as bad in a hastened minute as in a true one.
// The error names a duration that cannot be divided.
func Hasten(rules string) (string, error) {
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
