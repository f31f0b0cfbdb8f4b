// Package figure writes and reads durations and sizes as the people who operate a gateway do.
//
// Reading is as strict as in the policy file (10s 1m30s 24h 7d). Writing comes in two forms: for comparing, two units at
// most (3h20m, 41s), and exactly, as the policy file would have it.
package figure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"idlegate/policy/units"
)

type unit struct {
	name  string
	worth time.Duration
}

// steps are the units of a duration, greatest first.
func steps() []unit {
	return []unit{{"d", units.Day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
}

// ParseDuration reads a duration as the policy file has it. The result is more than 0.
func ParseDuration(s string) (time.Duration, error) {
	d, err := units.ParseDuration(s)
	if err == nil && d == 0 {
		err = fmt.Errorf("%q is not a duration of more than 0, as in 10s, 1m30s, 24h or 7d", s)
	}
	return d, err
}

// Duration writes seconds for comparing: two units at most, the rest cut off; tenths below ten seconds.
func Duration(seconds float64) string {
	if seconds < 10 {
		return strconv.FormatFloat(math.Floor(max(seconds, 0)*10)/10, 'f', -1, 64) + "s"
	}
	d := time.Duration(min(seconds, units.MaxDuration.Seconds())) * time.Second
	for i, u := range steps() {
		if d < u.worth {
			continue
		}
		text := strconv.FormatInt(int64(d/u.worth), 10) + u.name
		if next := steps()[i+1]; u.worth > time.Second && d%u.worth >= next.worth {
			text += strconv.FormatInt(int64(d%u.worth/next.worth), 10) + next.name
		}
		return text
	}
	return "0s"
}

// Exact writes seconds as the policy file would have it, to the millisecond.
func Exact(seconds float64) string {
	d := time.Duration(math.Round(seconds*1000)) * time.Millisecond
	if d <= 0 {
		return "0s"
	}
	return units.FormatDuration(d)
}

// Size writes bytes with three digits or so.
func Size(bytes uint64) string {
	const step = 1024
	if bytes < step {
		return strconv.FormatUint(bytes, 10) + "B"
	}
	value, name := float64(bytes)/step, "KiB"
	for _, next := range []string{"MiB", "GiB", "TiB", "PiB"} {
		if value < step-0.5 { // which would be written as 1024
			break
		}
		value, name = value/step, next
	}
	if value < 99.95 {
		return strconv.FormatFloat(value, 'f', 1, 64) + name
	}
	return strconv.FormatFloat(value, 'f', 0, 64) + name
}

// Count writes n with its thousands apart: 12,345.
func Count(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Rate writes how often in a second: 0, 0.4, 12, 3,400.
func Rate(perSecond float64) string {
	switch {
	case perSecond <= 0:
		return "0"
	case perSecond < 0.1:
		return "<0.1"
	case perSecond < 9.95:
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return Count(uint64(math.Round(perSecond)))
}

// Share reads a percentage, which may have a fraction: 0.1% is 0.001.
func Share(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent >= 0 && percent <= 100) {
		return 0, fmt.Errorf("%q is not a percentage from 0%% to 100%%, as in 0.1%%", s)
	}
	return percent / 100, nil
}
