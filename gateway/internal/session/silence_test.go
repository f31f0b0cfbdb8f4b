package session

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

// lines is a session of lines, driven in seconds after its start.
type lines struct {
	*Session
	rules Rules
}

func newLines() *lines {
	s := Accept(start, 0)
	return &lines{Session: &s, rules: defaultRules()}
}

func (l *lines) at(seconds int) deadline.Instant {
	return start.After(time.Duration(seconds) * time.Second)
}

func (l *lines) hears(seconds int, side Side, text string) Receipt {
	return l.Received(&l.rules, side.Sends(), Read{Bytes: []byte(text), New: len(text)}, l.at(seconds))
}

func (l *lines) dryRun(t deadline.Timer, d time.Duration) {
	l.rules.Observed[t], l.rules.DryRun = d, true
	l.rules.NotSeen = l.rules.NotSeen.Without(t)
}

func TestSilenceIsWhatIdleTimeoutCounts(t *testing.T) {
	for _, test := range []struct {
		name        string
		play        func(*lines)
		quiet, tail time.Duration // at 100 s
	}{
		{"nobody speaks", func(*lines) {}, 0, 100 * time.Second},
		{"the first silence counts from accept", func(l *lines) {
			l.hears(30, Client, "a\n")
		}, 30 * time.Second, 70 * time.Second},
		{"the longest is kept", func(l *lines) {
			l.hears(10, Client, "a\n")
			l.hears(60, Client, "a\n")
			l.hears(80, Client, "a\n")
		}, 50 * time.Second, 20 * time.Second},
		{"bytes end none", func(l *lines) {
			l.hears(30, Client, "a")
		}, 0, 100 * time.Second},
		{"messages to the client that come at once end none", func(l *lines) {
			l.hears(20, Upstream, "push\n")
			l.hears(40, Client, "a\n")
			l.hears(60, Upstream, "push\n")
		}, 40 * time.Second, 60 * time.Second},
		{"with reset_on either they do", func(l *lines) {
			l.rules.ResetOn |= deadline.ResetOnUpstream
			l.hears(20, Upstream, "push\n")
			l.hears(70, Client, "a\n")
		}, 50 * time.Second, 30 * time.Second},
		{"lasting ones divide it", func(l *lines) {
			l.hears(20, Upstream, "reply")
			l.hears(35, Upstream, "\n")
			l.hears(60, Client, "a\n")
			l.hears(61, Upstream, "reply")
			l.hears(90, Upstream, "\n")
		}, 25 * time.Second, 10 * time.Second},
		{"so does one under way", func(l *lines) {
			l.hears(40, Upstream, "reply")
		}, 0, 40 * time.Second},
		{"time in which the client is not read is none", func(l *lines) {
			l.Events.Pause(deadline.PauseDialling, l.at(10))
			l.Events.Resume(deadline.PauseDialling, l.at(50))
			l.hears(60, Client, "a\n")
			l.Events.Pause(deadline.PauseDialling, l.at(75))
		}, 20 * time.Second, 15 * time.Second},
		{"the last ends with the session", func(l *lines) {
			l.hears(10, Client, "a\n")
			l.End(ClientReset, l.at(40))
		}, 10 * time.Second, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLines()
			test.play(l)
			if l.MaxSilence() != test.quiet || l.Tail(l.at(100)) != test.tail {
				t.Errorf("quiet %v and tail %v, want %v and %v", l.MaxSilence(), l.Tail(l.at(100)), test.quiet, test.tail)
			}
		})
	}
}

func TestWhoSpeaksAgainIsToldOnce(t *testing.T) {
	l := newLines()
	l.dryRun(deadline.IdleTimeout, 10*time.Second)
	for _, step := range []struct {
		at   int
		side Side
		text string
		want time.Duration
	}{
		{5, Client, "in time\n", 0},
		{30, Upstream, "does not count\n", 0},
		{35, Client, "part", 0},
		{40, Client, "ial\n", 35 * time.Second},
		{41, Client, "again\n", 0},
		{50, Client, "in time\n", 0},
		{90, Client, "late\n", 40 * time.Second},
	} {
		l.Observe(&l.rules, l.at(step.at))
		if got := l.hears(step.at, step.side, step.text).FalseCut; got != step.want {
			t.Errorf("at %d s: spoke again after %v, want %v", step.at, got, step.want)
		}
	}
}

func TestWithoutADryRunNobodySpeaksAgain(t *testing.T) {
	l := newLines()
	l.dryRun(deadline.IdleTimeout, 10*time.Second)
	l.Observe(&l.rules, l.at(20))
	old := l.rules
	l.rules = defaultRules()
	l.ApplyRules(&old, &l.rules, l.at(30), 0, 0)
	if got := l.hears(40, Client, "a\n").FalseCut; got != 0 {
		t.Errorf("spoke again after %v though the dry run is over", got)
	}
}
