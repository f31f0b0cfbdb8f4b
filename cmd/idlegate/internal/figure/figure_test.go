package figure

import (
	"testing"
	"time"

	"idlegate/policy/units"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m30s": 90 * time.Second, "24h": 24 * time.Hour, "7d": 7 * units.Day, "250ms": 250 * time.Millisecond,
		"1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond, "3650d": units.MaxDuration,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "0s", "10", "s", "1.5s", "-1s", "1s1m", "1s1s", "1w", "10 s", "none", "3651d", "3650d1ms", "99999999999999999999s", "1h30",
	} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}

// What is written exactly can be read again.
func TestExact(t *testing.T) {
	for want, seconds := range map[string]float64{
		"1m30s": 90, "1d": 86400, "250ms": 0.25, "10m": 600, "1h1m1s1ms": 3661.001, "41s170ms": 41.17,
	} {
		got := Exact(seconds)
		if got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
		if d, err := ParseDuration(got); err != nil || d.Seconds() != seconds {
			t.Errorf("%s is read as %s, %v", got, d, err)
		}
	}
	if got := Exact(0); got != "0s" {
		t.Errorf("0: %s", got)
	}
}

// Durations are cut, never rounded up: nothing is said to be over before it is.
func TestDuration(t *testing.T) {
	for want, seconds := range map[string]float64{
		"0s": 0, "0.2s": 0.29, "9.9s": 9.99, "41s": 41.99, "1m": 60, "1m30s": 90, "59m59s": 3599.9, "3h5m": 11152.5,
		"1h": 3659, "1d": 86400 + 59*60, "3d1h": 3*86400 + 3600, "3650d": 1e12,
	} {
		if got := Duration(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
	if got := Duration(-0.3); got != "0s" {
		t.Errorf("what is late by 0.3 s: %s", got)
	}
}

func TestSize(t *testing.T) {
	for want, bytes := range map[string]uint64{
		"0B": 0, "1023B": 1023, "1.0KiB": 1024, "99.9KiB": 102298, "100KiB": 102400, "1023KiB": 1023 << 10,
		"1.0MiB": 1<<20 - 1, "6.8GiB": 7340032000, "16384PiB": 1<<64 - 1,
	} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, n := range map[string]uint64{"0": 0, "999": 999, "1,000": 1000, "12,345,678": 12345678} {
		if got := Count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for want, rate := range map[string]float64{"0": 0, "<0.1": 0.01, "0.5": 0.5, "9.9": 9.94, "10": 9.96, "3,400": 3400.2} {
		if got := Rate(rate); got != want {
			t.Errorf("%g: %s, want %s", rate, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	for text, want := range map[string]float64{"0%": 0, "0.1%": 0.001, "50%": 0.5, "100%": 1} {
		if got, err := Share(text); err != nil || got != want {
			t.Errorf("%s: %g, %v; want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "0.001", "101%", "-1%", "NaN%", "1 %"} {
		if got, err := Share(text); err == nil {
			t.Errorf("%q is taken for %g", text, got)
		}
	}
}
