package advice

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"idlegate/policy/units"
)

const (
	traceCounted = 6 * time.Hour
	traceTimeout = 30 * time.Minute
)

// traced is a connection of testdata/trace.txt, whose head says how it is written.
type traced struct {
	name   string
	events []time.Duration // accepted, then each message
	end    time.Duration
	reason string
}

// lines reads the lines of a file of testdata, without remarks and empty ones.
func lines(t *testing.T, file string) (all []string) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	if days, ok := strings.CutSuffix(s, "d"); ok {
		return time.Duration(whole(t, days)) * day
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readTrace(t *testing.T) (all []traced) {
	t.Helper()
	for _, line := range lines(t, "trace.txt") {
		words := strings.Fields(line)
		last := len(words) - 1
		c := traced{name: words[0], reason: words[last], end: duration(t, words[last-1])}
		for _, word := range words[1 : last-1] {
			c.events = append(c.events, duration(t, word))
		}
		all = append(all, c)
	}
	return all
}

// result is a row of the table of testdata/trace.want.
type result struct {
	candidate               time.Duration
	spoke, dead, open, cut  uint64
	reclaimed, openReclaims time.Duration
	unknown                 bool
}

func readResult(t *testing.T, line string) result {
	t.Helper()
	words := strings.Fields(line)
	if len(words) != 8 {
		t.Fatalf("not a row: %s", line)
	}
	numbers := [4]uint64{}
	for i := range numbers {
		n, err := strconv.ParseUint(words[i+1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		numbers[i] = n
	}
	return result{
		candidate: duration(t, words[0]),
		spoke:     numbers[0], dead: numbers[1], open: numbers[2], cut: numbers[3],
		reclaimed: duration(t, words[5]), openReclaims: duration(t, words[6]),
		unknown: words[7] == "unknown",
	}
}

// play enforces candidate on all connections, message by message, and sees whom it cuts, and what follows.
func play(all []traced, candidate time.Duration) result {
	r := result{candidate: candidate, unknown: candidate >= traceTimeout}
	for _, c := range all {
		alive := c.events[0]
		wasCut := false
		for _, at := range c.events[1:] {
			if at > alive+candidate {
				wasCut = true
			}
			alive = at
		}
		due := alive + candidate
		switch {
		case wasCut:
			r.spoke++
		case c.end > due:
			r.dead++
			if c.reason == "open" {
				r.open++
			}
			if c.reason == "idle_timeout" {
				r.cut++
			}
		}
		if c.end > due {
			r.reclaimed += c.end - due
			if c.reason == "open" {
				r.openReclaims += c.end - due
			}
		}
	}
	return r
}

// traceInput counts the trace as two event loops would.
func traceInput(all []traced) Input {
	in := Input{Route: "devices", Policy: "patient", InForce: traceTimeout, Counted: traceCounted}
	var loops [2]Tally
	for i, c := range all {
		var quiet time.Duration
		for at := 1; at < len(c.events); at++ {
			quiet = max(quiet, c.events[at]-c.events[at-1])
		}
		tail := c.end - c.events[len(c.events)-1]
		if c.reason == "open" {
			in.Open.Open(quiet, tail)
			continue
		}
		loops[i%2].Ended(quiet, tail, c.reason == "idle_timeout")
	}
	in.Ended.Add(&loops[0])
	in.Ended.Add(&loops[1])
	return in
}

// TestARecordedTrace compares three tables of the same six hours: the one in trace.want, the one that playing every
// candidate against every message gives, and the one of For, which saw no more than a Tally.
func TestARecordedTrace(t *testing.T) {
	all, want := readTrace(t), lines(t, "trace.want")
	if len(all) != 42 || len(want) < rungs {
		t.Fatalf("%d connections, %d lines of results", len(all), len(want))
	}
	advised := For(traceInput(all))
	for i, row := range advised.Rows {
		known := readResult(t, want[i])
		if played := play(all, row.Candidate); played != known {
			t.Errorf("played: %+v\nknown:  %+v", played, known)
		}
		got := Row{
			Candidate: known.candidate, CutSpoke: known.spoke, CutDead: known.dead, DeadOpen: known.open, DeadCut: known.cut,
			ReclaimedHours: known.reclaimed.Hours(), OpenHours: known.openReclaims.Hours(), Unknown: known.unknown,
		}
		const rounding = 1e-12 // of a float64
		if math.Abs(got.ReclaimedHours-row.ReclaimedHours) < rounding && math.Abs(got.OpenHours-row.OpenHours) < rounding {
			got.ReclaimedHours, got.OpenHours = row.ReclaimedHours, row.OpenHours
		}
		if row != got {
			t.Errorf("advised: %+v\nknown:   %+v", row, got)
		}
	}
	said := append([]string{"recommended: " + units.FormatDuration(advised.Recommended)}, advised.Reasons...)
	if got := strings.Join(said, "\n"); got != strings.Join(want[rungs:], "\n") {
		t.Errorf("advice:\n%s\nwant:\n%s", got, strings.Join(want[rungs:], "\n"))
	}
}
