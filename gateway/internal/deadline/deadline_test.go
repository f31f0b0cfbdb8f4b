package deadline

import (
	"slices"
	"testing"
	"time"
)

const at0 = Instant(5 * time.Hour)

func at(d time.Duration) Instant { return at0.After(d) }

func TestInstantsDoNotOverflow(t *testing.T) {
	if got := Never.After(time.Hour); got != Never {
		t.Errorf("an hour after never is %d", got)
	}
	if got := Instant(1 << 62).After(1 << 62); got != Never {
		t.Errorf("beyond the end is %d, want Never", got)
	}
	if got := at0.After(-time.Hour); got != Instant(4*time.Hour) {
		t.Errorf("an hour before is %d", got)
	}
}

func TestTheReadClockStandsStillWhileThereIsAReason(t *testing.T) {
	e := Accept(at0, 0)
	pause := func(p Pause) func(Instant) { return func(now Instant) { e.Pause(p, now) } }
	resume := func(p Pause) func(Instant) { return func(now Instant) { e.Resume(p, now) } }
	for _, step := range []struct {
		rule     string
		do       func(Instant)
		at, want time.Duration
		reasons  []string
	}{
		{"it goes", nil, 10 * time.Second, 10 * time.Second, []string{}},
		{"a reason stops it", pause(PauseDialling), 10 * time.Second, 10 * time.Second, []string{"dialling"}},
		{"a reason that holds already changes nothing", pause(PauseDialling), 12 * time.Second, 10 * time.Second, []string{"dialling"}},
		{"a second one neither", pause(PauseReadDeadline), 14 * time.Second, 10 * time.Second, []string{"dialling", "read_deadline"}},
		{"nor that one that never held holds no more", resume(PauseMemory), 15 * time.Second, 10 * time.Second, []string{"dialling", "read_deadline"}},
		{"one of two is left", resume(PauseDialling), 16 * time.Second, 10 * time.Second, []string{"read_deadline"}},
		{"it goes on without any", resume(PauseReadDeadline), 20 * time.Second, 10 * time.Second, []string{}},
		{"what holds no more changes nothing", resume(PauseReadDeadline), 21 * time.Second, 11 * time.Second, []string{}},
		{"it goes", nil, 30 * time.Second, 20 * time.Second, []string{}},
		{"it is stopped again", pause(PauseUpstream), 30 * time.Second, 20 * time.Second, []string{"upstream_waits"}},
		{"all at once", func(now Instant) { e.ResumeAll(now) }, 31 * time.Second, 20 * time.Second, []string{}},
		{"nothing to resume", func(now Instant) { e.ResumeAll(now) }, 32 * time.Second, 21 * time.Second, []string{}},
	} {
		if step.do != nil {
			step.do(at(step.at))
		}
		if got := e.ReadClock(at(step.at)).Since(at0); got != step.want {
			t.Errorf("%s: at %v the read clock says %v, want %v", step.rule, step.at, got, step.want)
		}
		if got := e.Pauses().Words(); !slices.Equal(got, step.reasons) || e.Paused() != (len(got) > 0) {
			t.Errorf("%s: not read for %q, paused %v, want %q", step.rule, got, e.Paused(), step.reasons)
		}
	}
}

func TestOfTwoDueAtOnceTheHigherInTheTableIsFirst(t *testing.T) {
	e := Accept(at0, 0)
	e.MessageBegan, e.HalfClosed, e.ConnectBegan = at0, at0, at0
	e.ClientWaits.Progressed, e.UpstreamWaits.Progressed = at0, at0
	*e.Detailed() = Detail{Data: at0, Owed: at0, InTransaction: true}
	e.BeginPace(at0)
	var d Durations
	var skip Set
	for timer := Deadline; timer < Count; timer++ {
		d[timer] = time.Minute
	}
	for want := Deadline; want < Count; want++ {
		if want == IdleTimeout || want == TLSHandshake {
			skip = skip.With(want) // it waits for the message; the client is not read within a handshake
			continue
		}
		if want == ProbeTimeout { // it runs where ProbeAfter does not
			e.Detail.Awaited = at0
		}
		timer, due := e.Earliest(&d, skip)
		if timer != want || due != at(time.Minute) {
			t.Errorf("first is %v at %v, want %v", timer, due.Since(at0), want)
		}
		skip = skip.With(want)
	}
	if timer, due := e.Earliest(&d, skip); timer != None || due != Never {
		t.Errorf("with all skipped: %v at %v", timer, due)
	}
}

func TestEachTimerIsOffAtZero(t *testing.T) {
	e := Accept(at0, 0)
	e.MessageBegan, e.HalfClosed, e.ConnectBegan = at0, at0, at0
	e.ClientWaits.Progressed = at0
	var d Durations
	if timer, due := e.Earliest(&d, 0); timer != None || due != Never {
		t.Errorf("%v is due at %v though all are off", timer, due.Since(at0))
	}
	if look := e.Look(&d); look != Never {
		t.Errorf("a look is due at %v though write_timeout is off", look.Since(at0))
	}
}

func TestLooksComeSeveralTimesWithinAWriteTimeout(t *testing.T) {
	e := Accept(at0, 0)
	d := Durations{ClientWrite: 8 * time.Second}
	e.ClientWaits = Wait{Progressed: at0, Polled: at0}
	if got := e.Look(&d).Since(at0); got != time.Second {
		t.Errorf("first look after %v, want an eighth of write_timeout", got)
	}
	e.ClientWaits.Polled = at(time.Second)
	if got := e.Look(&d).Since(at0); got != 2*time.Second {
		t.Errorf("second look after %v", got)
	}
}

func TestDueAllocatesNothing(t *testing.T) {
	e := Accept(at0, 1000)
	d := Durations{IdleTimeout: time.Minute, Message: 10 * time.Second, MaxLifetime: time.Hour, ClientWrite: time.Second}
	if n := testing.AllocsPerRun(100, func() { e.Earliest(&d, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
