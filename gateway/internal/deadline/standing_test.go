package deadline

import (
	"testing"
	"time"
)

// busy is a connection on which every timer has been started, and the durations that let them run.
func busy() (Events, Durations) {
	e := Accept(at0, 0)
	e.ServerFirst, e.Greeted = true, at(time.Second)
	e.ClientSpoke, e.IdleFrom = at(2*time.Second), at(2*time.Second)
	e.MessageBegan, e.HalfClosed, e.ConnectBegan = at(3*time.Second), at(4*time.Second), at(5*time.Second)
	e.ClientWaits.Progressed, e.UpstreamWaits.Progressed = at(6*time.Second), at(7*time.Second)
	var d Durations
	for timer := Deadline; timer < Count; timer++ {
		d[timer] = time.Minute
	}
	d[Message] = time.Second // over before idle_timeout, which else waits
	return e, d
}

func TestATimerThatRunsIsDueItsDurationAfterWhatItCountsFrom(t *testing.T) {
	e, d := busy()
	e.Pause(PauseDialling, at(8*time.Second))
	e.Resume(PauseDialling, at(10*time.Second))
	for timer := Deadline; timer < TLSHandshake; timer++ {
		since, cause := e.Since(timer)
		if e.Standing(timer, &d) != Running || cause == "" {
			t.Errorf("%v is %v since %q", timer, e.Standing(timer, &d), cause)
		}
		if due := e.Due(timer, &d); due != since.After(d[timer]) {
			t.Errorf("%v counts from %v and is due at %v", timer, since.Since(at0), due.Since(at0))
		}
	}
}

func TestWhatIsNotDueDoesNotRun(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Events, *Durations)
		want   map[Timer]Standing // those that do not run
	}{
		"while the client is not read": {func(e *Events, _ *Durations) { e.Pause(PauseDialling, at(9*time.Second)) },
			map[Timer]Standing{IdleTimeout: Still, FirstMessage: Still, Message: Still}},
		"after the client's FIN": {func(e *Events, _ *Durations) { e.ClientFIN = true },
			map[Timer]Standing{IdleTimeout: Over, FirstMessage: Over, Message: Over}},
		"after both FINs": {func(e *Events, _ *Durations) { e.ClientFIN, e.HalfClosed = true, 0 },
			map[Timer]Standing{IdleTimeout: Over, FirstMessage: Over, Message: Over, HalfClose: Over}},
		"after the first message": {func(e *Events, _ *Durations) { e.FirstMessage = true },
			map[Timer]Standing{FirstMessage: Over}},
		"before a server that speaks first has spoken": {func(e *Events, _ *Durations) { e.Greeted = 0 },
			map[Timer]Standing{FirstMessage: Waiting}},
		"before anything began": {func(e *Events, _ *Durations) { *e = Accept(at0, 0) },
			map[Timer]Standing{Message: Waiting, ClientWrite: Waiting, UpstreamWrite: Waiting, HalfClose: Waiting, Connect: Waiting}},
		"within the handshake with the client": {func(e *Events, _ *Durations) { e.Pause(PauseHandshake, at(9*time.Second)) },
			map[Timer]Standing{IdleTimeout: Still, FirstMessage: Still, Message: Still, TLSHandshake: Running}},
		"within the handshake with an upstream": {func(e *Events, _ *Durations) {
			e.Pause(PauseDialling, at(9*time.Second))
			e.Pause(PauseHandshake, at(9*time.Second))
		}, map[Timer]Standing{IdleTimeout: Still, FirstMessage: Still, Message: Still, Connect: Over, TLSHandshake: Running}},
		"switched off": {func(_ *Events, d *Durations) { d[IdleTimeout], d[HalfClose] = 0, 0 },
			map[Timer]Standing{IdleTimeout: Off, HalfClose: Off}},
	} {
		t.Run(name, func(t *testing.T) {
			e, d := busy()
			test.change(&e, &d)
			for timer := Deadline; timer < Count; timer++ {
				want, listed := test.want[timer]
				switch {
				case !listed && timer == TLSHandshake:
					want = Waiting // no other runs as long as the client is read
				case !listed:
					want = Running
				}
				if got := e.Standing(timer, &d); got != want {
					t.Errorf("%v is %v, want %v", timer, got, want)
				}
				if due := e.Due(timer, &d); (due == Never) != (want != Running) {
					t.Errorf("%v is %v and due %v after accept", timer, want, due.Since(at0))
				}
			}
		})
	}
}
