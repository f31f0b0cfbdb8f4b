package session

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

func TestTimersSayHowTheyStand(t *testing.T) {
	for _, test := range []struct {
		name  string
		play  func(*lines)
		timer deadline.Timer
		want  TimerState // Timer and, where a duration is in force, Value apart
	}{
		{"off", func(l *lines) { l.rules.Enforced[deadline.IdleTimeout] = 0 }, deadline.IdleTimeout, TimerState{
			Standing: deadline.Off, Due: deadline.Never,
		}},
		{"running from accept", func(*lines) {}, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start, Cause: "accept", Due: start.After(time.Minute),
		}},
		{"running from the last message", func(l *lines) { l.hears(5, Client, "a\n") }, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start.After(5 * time.Second),
			Cause: "the last message that restarts it", Due: start.After(65 * time.Second),
		}},
		{"running from the end of a message to the client", func(l *lines) {
			l.hears(50, Upstream, "a")
			l.hears(70, Upstream, "\n")
			l.AllAcked(&l.rules, 1, 0, l.at(70))
		}, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start.After(70 * time.Second),
			Cause: "the end of a message to the client", Due: start.After(130 * time.Second),
		}},
		{"put off by a message to the client", func(l *lines) { l.hears(50, Upstream, "a") }, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start, Cause: "accept", Due: start.After(80 * time.Second),
			Waits: "a message to the client that is under way",
		}},
		{"standing still", func(l *lines) { l.Events.Pause(deadline.PauseDialling, l.at(5)) }, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Still, Since: start, Cause: "accept", Due: deadline.Never,
		}},
		{"over", func(l *lines) { l.hears(1, Client, "a\n") }, deadline.FirstMessage, TimerState{
			Value: 5 * time.Second, Standing: deadline.Over, Due: deadline.Never,
		}},
		{"waiting", func(*lines) {}, deadline.Message, TimerState{
			Value: 10 * time.Second, Standing: deadline.Waiting, Due: deadline.Never,
		}},
		{"after its effect", func(l *lines) { l.CloseRead(l.at(3)) }, deadline.ReadDeadline, TimerState{
			Value: 3 * time.Second, Standing: deadline.Over, Due: deadline.Never,
		}},
		{"within an edit's grace", func(l *lines) {
			old := l.rules
			l.rules.Enforced[deadline.IdleTimeout] = 5 * time.Second
			l.ApplyRules(&old, &l.rules, l.at(20), 4*time.Second, 1<<15)
		}, deadline.IdleTimeout, TimerState{
			Value: 5 * time.Second, Standing: deadline.Running, Since: start, Cause: "accept", Due: start.After(22 * time.Second),
		}},
		{"in a dry run", func(l *lines) { l.dryRun(deadline.IdleTimeout, 30*time.Second) }, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start, Cause: "accept", Due: start.After(time.Minute),
			DryRun: 30 * time.Second, DryRunDue: start.After(30 * time.Second),
		}},
		{"counted", func(l *lines) {
			l.dryRun(deadline.IdleTimeout, 30*time.Second)
			l.Observe(&l.rules, l.at(30))
		}, deadline.IdleTimeout, TimerState{
			Value: time.Minute, Standing: deadline.Running, Since: start, Cause: "accept", Due: start.After(time.Minute),
			DryRun: 30 * time.Second, DryRunDue: deadline.Never, Counted: true,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLines()
			l.rules.Enforced = deadline.Durations{
				deadline.IdleTimeout: time.Minute, deadline.Message: 10 * time.Second, deadline.FirstMessage: 5 * time.Second,
				deadline.ReadDeadline: 3 * time.Second, deadline.ClientWrite: 30 * time.Second,
			}
			test.play(l)
			test.want.Timer = test.timer
			if got := l.Timers(&l.rules)[test.timer-1]; got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestTheNextTimerIsTheOneThatEndsTheSession(t *testing.T) {
	l := newLines()
	if next, at := l.NextTimer(&l.rules); next != deadline.None || at != deadline.Never {
		t.Errorf("without timers: %v at %v", next, at)
	}
	l.rules.Enforced[deadline.ReadDeadline], l.rules.Enforced[deadline.Deadline] = 3*time.Second, 10*time.Second
	if next, at := l.NextTimer(&l.rules); next != deadline.ReadDeadline || at != l.at(3) {
		t.Errorf("before the client has spoken: %v after %v", next, at.Since(start))
	}
	l.hears(1, Client, "a\n")
	if next, at := l.NextTimer(&l.rules); next != deadline.Deadline || at != l.at(10) {
		t.Errorf("of a client that may be answered: %v after %v", next, at.Since(start))
	}
	if at := l.Next(&l.rules); at != l.at(3) {
		t.Errorf("read_deadline is not looked at: the next look is after %v", at.Since(start))
	}
}

func TestLatenessOfWhatAnEditEndsCountsFromItsShareOfTheGrace(t *testing.T) {
	l := newLines()
	old := l.rules
	l.rules.Enforced[deadline.IdleTimeout] = 5 * time.Second
	l.ApplyRules(&old, &l.rules, l.at(20), 4*time.Second, 1<<15)
	if timer, at := l.Due(&l.rules, l.at(21)); timer != deadline.None || at != l.at(22) {
		t.Errorf("within the grace: %v, due after %v", timer, at.Since(start))
	}
	if timer, at := l.Due(&l.rules, l.at(23)); timer != deadline.IdleTimeout || at != l.at(22) {
		t.Errorf("after it: %v, due after %v", timer, at.Since(start))
	}
}
