package advice

import (
	"strconv"
	"time"

	"idlegate/policy/units"
)

// about writes a measured d to three digits or so: 41.2s. It rounds up, so that what exceeds a candidate still reads so.
func about(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return units.FormatDuration(roundUp(d, time.Millisecond))
	case d <= time.Minute-100*time.Millisecond:
		d = roundUp(d, 100*time.Millisecond)
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	case d <= time.Hour-time.Second:
		return units.FormatDuration(roundUp(d, time.Second))
	}
	return units.FormatDuration(roundUp(d, time.Minute))
}

func roundUp(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }

// number writes 4310 as 4,310.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// connections writes 1 connection, 2 connections.
func connections(n uint64) string {
	if n == 1 {
		return "1 connection"
	}
	return number(n) + " connections"
}

// hours writes 310 connection-hours.
func hours(h float64) string { return amount(h) + " connection-hours" }

// amount writes what is below ten with a decimal.
func amount(h float64) string {
	switch {
	case h < 0.05:
		return "less than 0.1"
	case h < 9.95:
		return strconv.FormatFloat(h, 'f', 1, 64)
	}
	return number(uint64(h + 0.5))
}

// percent writes 0.001 as 0.1%.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 4, 64) + "%" }
