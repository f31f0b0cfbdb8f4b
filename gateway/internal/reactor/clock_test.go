//go:build linux

package reactor

import (
	"errors"
	"testing"
	"time"
)

// preempted is a pair of clocks that tell the same time. At each reading passes what steps says, and then 100 ns.
type preempted struct {
	at    time.Duration
	steps []time.Duration
	zero  time.Time
}

func (p *preempted) read() time.Duration {
	step := 100 * time.Nanosecond
	if len(p.steps) > 0 {
		step, p.steps = p.steps[0], p.steps[1:]
	}
	p.at += step
	return p.at
}

func (p *preempted) now() time.Time        { return p.zero.Add(p.read()) }
func (p *preempted) other() (int64, error) { return int64(p.read()), nil }

func TestAPreemptionDoesNotPutTheClockAhead(t *testing.T) {
	const away = 10 * time.Millisecond
	for name, steps := range map[string][]time.Duration{
		"never":                         nil,
		"before the other clock":        {0, away},
		"after the other clock":         {0, 0, away},
		"at every reading of the first": {away, away, away, away, away, away},
	} {
		t.Run(name, func(t *testing.T) {
			p := &preempted{zero: time.Now(), steps: steps}
			c, err := pairClock(p.now, p.other)
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Duration(c.offset) - c.start.Sub(p.zero); got.Abs() > pairedWithin/2 {
				t.Errorf("the clock is %v off", got)
			}
		})
	}
}

func TestWhereEveryReadingIsPreemptedTheBestCounts(t *testing.T) {
	p := &preempted{zero: time.Now()}
	for range 3 * pairings {
		p.steps = append(p.steps, time.Millisecond)
	}
	p.steps[30], p.steps[31], p.steps[32] = 5*time.Microsecond, 5*time.Microsecond, 5*time.Microsecond
	c, err := pairClock(p.now, p.other)
	if err != nil {
		t.Fatal(err)
	}
	if got := time.Duration(c.offset) - c.start.Sub(p.zero); got.Abs() > 5*time.Microsecond {
		t.Errorf("the clock is %v off, and one reading took 10µs", got)
	}
}

func TestAClockThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("no clock")
	if _, err := pairClock(time.Now, func() (int64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
