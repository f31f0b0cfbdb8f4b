package advice

import (
	"testing"
	"time"

	"idlegate/policy/units"
)

func TestMeasuredSilencesAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                  "0s",
		1:                                  "1ms",
		350 * time.Millisecond:             "350ms",
		999*time.Millisecond + 1:           "1s",
		41 * time.Second:                   "41s",
		41*time.Second + 1:                 "41.1s",
		45*time.Second + time.Millisecond:  "45.1s",
		time.Minute - time.Millisecond:     "1m",
		time.Minute + time.Millisecond:     "1m1s",
		time.Hour - time.Millisecond:       "1h",
		3*time.Hour + 61*time.Second:       "3h2m",
		30 * time.Hour:                     "1d6h",
		7*day + time.Nanosecond:            "7d1m",
		2*time.Minute + 30*time.Second - 1: "2m30s",
	} {
		if got := about(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

func TestFiguresAsTheyAreRead(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{units.FormatDuration(90 * time.Second), "1m30s"},
		{units.FormatDuration(day), "1d"},
		{units.FormatDuration(250 * time.Millisecond), "250ms"},
		{number(0), "0"},
		{number(999), "999"},
		{number(1000), "1,000"},
		{number(1234567), "1,234,567"},
		{connections(1), "1 connection"},
		{connections(0), "0 connections"},
		{hours(0.01), "less than 0.1 connection-hours"},
		{hours(9.94), "9.9 connection-hours"},
		{hours(9.96), "10 connection-hours"},
		{hours(4310.4), "4,310 connection-hours"},
		{percent(0.001), "0.1%"},
		{percent(0.07), "7%"},
	} {
		if row.got != row.want {
			t.Errorf("%s, want %s", row.got, row.want)
		}
	}
}

func TestTheSnippetOfANamedPolicy(t *testing.T) {
	in := traceInput(readTrace(t))
	got := For(in)
	const final = `# 1m: clients spoke again after 45s of silence at most; would have reclaimed 5.2 connection-hours.
policies:
  patient:
    long:
      idle_timeout: 1m
`
	const trial = `# To try 1m first: this closes nothing, and counts what it would have ended.
policies:
  patient:
    long:
      dry_run: {idle_timeout: 1m}
`
	if got.YAML != final || got.DryRunYAML != trial {
		t.Errorf("got\n%s\nand\n%s", got.YAML, got.DryRunYAML)
	}
	checkSnippets(t, &in, &got)
}

func TestTheSnippetOfAPolicyInsideItsRoute(t *testing.T) {
	in := traceInput(readTrace(t))
	in.Policy, in.InForce, in.DryRun, in.DryRunAll = "", 0, 5*time.Minute, true
	got := For(in)
	const final = `# 1m: clients spoke again after 45s of silence at most; would have reclaimed 5.2 connection-hours.
routes:
  - name: devices
    policy:
      long:
        idle_timeout: 1m
        dry_run: false # puts the policy's other timers in force as well
`
	const trial = `# To try 1m first: this closes nothing, and counts what it would have ended.
routes:
  - name: devices
    policy:
      long:
        idle_timeout: 1m
        dry_run: true
`
	if got.YAML != final || got.DryRunYAML != trial {
		t.Errorf("got\n%s\nand\n%s", got.YAML, got.DryRunYAML)
	}
	checkSnippets(t, &in, &got)
}

func TestNamesThatYAMLTakesForSomethingElseAreQuoted(t *testing.T) {
	for _, name := range []string{"true", "Null", "on", "no", "12", "1e3", "0x1f", "2026-01-02", "1_000", "a", "x-1.y_z", "e3", "n"} {
		in := traceInput(readTrace(t))
		in.Route = name
		for _, in.Policy = range []string{name, ""} {
			got := For(in)
			checkSnippets(t, &in, &got)
		}
	}
}

func TestOneAlreadyTriedIsNotTriedAgain(t *testing.T) {
	in := traceInput(readTrace(t))
	in.DryRun = time.Minute
	if got := For(in); got.DryRunYAML != "" || got.YAML == "" {
		t.Errorf("to try: %q, to set: %q", got.DryRunYAML, got.YAML)
	}
}

func TestSharesAreRoundedAsPeopleDo(t *testing.T) {
	s := study{Input: &Input{}, all: Tally{spoke: 100}}
	for share, want := range map[float64]uint64{-1: 0, 0: 0, 0.009: 0, 0.01: 1, 0.07: 7, 0.29: 29, 0.999: 99, 1: 100, 3: 100} {
		if got := s.tolerated(share); got != want {
			t.Errorf("%v of 100 are %d, want %d", share, got, want)
		}
	}
}
