package deadline

import (
	"testing"
	"time"
)

// busy is a connection on which every timer has been started but those of asked, and the durations that let them run.
func busy() (Events, Durations) {
	e := Accept(at0, 0)
	e.ServerFirst, e.Greeted = true, at(time.Second)
	e.ClientSpoke, e.IdleFrom = at(2*time.Second), at(2*time.Second)
	e.MessageBegan, e.HalfClosed, e.ConnectBegan = at(3*time.Second), at(4*time.Second), at(5*time.Second)
	e.ClientWaits.Progressed, e.UpstreamWaits.Progressed = at(6*time.Second), at(7*time.Second)
	*e.Detailed() = Detail{Data: at(2500 * time.Millisecond), Paid: at(3500 * time.Millisecond), InTransaction: true}
	e.Detail.Pace = &Pace{Message: Window{From: at(8 * time.Second)}, Client: Window{From: at(9 * time.Second)}, Upstream: Window{From: at(10 * time.Second)}}
	var d Durations
	for timer := Deadline; timer < Count; timer++ {
		d[timer] = time.Minute
	}
	d[Message] = time.Second // over before idle_timeout, which else waits
	return e, d
}

// asked are the timers that run only while others do not: a client is asked, or a reply is owed.
func asked() map[Timer]Standing { return map[Timer]Standing{ProbeTimeout: Waiting, Reply: Waiting} }

func TestATimerThatRunsIsDueItsDurationAfterWhatItCountsFrom(t *testing.T) {
	e, d := busy()
	e.Pause(PauseDialling, at(8*time.Second))
	e.Resume(PauseDialling, at(10*time.Second))
	for timer := Deadline; timer < Count; timer++ {
		if _, waits := asked()[timer]; waits || timer == TLSHandshake {
			continue
		}
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
			silenceStill()},
		"after the client's FIN": {func(e *Events, _ *Durations) { e.ClientFIN = true },
			silenceOver()},
		"after both FINs": {func(e *Events, _ *Durations) { e.ClientFIN, e.HalfClosed = true, 0 },
			with(silenceOver(), HalfClose, Over)},
		"after the first message": {func(e *Events, _ *Durations) { e.FirstMessage = true },
			map[Timer]Standing{FirstMessage: Over}},
		"before a server that speaks first has spoken": {func(e *Events, _ *Durations) { e.Greeted = 0 },
			map[Timer]Standing{FirstMessage: Waiting}},
		"before anything began": {func(e *Events, _ *Durations) { *e = Accept(at0, 0) },
			map[Timer]Standing{MessageRate: Waiting, ClientRate: Waiting, UpstreamRate: Waiting, Message: Waiting, ClientWrite: Waiting, UpstreamWrite: Waiting, HalfClose: Waiting, Connect: Waiting,
				HeartbeatOnly: Waiting, ProbeAfter: Waiting, IdleInTransaction: Waiting}},
		"where no probe can ever be sent": {func(e *Events, _ *Durations) { e.Detail.AskFrom = Never },
			map[Timer]Standing{ProbeAfter: Over}},
		"outside of a transaction": {func(e *Events, _ *Durations) { e.Detail.InTransaction = false },
			map[Timer]Standing{IdleInTransaction: Waiting}},
		"with an idle_timeout that is negotiated and off": {func(_ *Events, d *Durations) { d[IdleTimeout] = Negotiated },
			map[Timer]Standing{IdleTimeout: Off}},
		"within the handshake with the client": {func(e *Events, _ *Durations) { e.Pause(PauseHandshake, at(9*time.Second)) },
			with(silenceStill(), TLSHandshake, Running)},
		"within the handshake with an upstream": {func(e *Events, _ *Durations) {
			e.Pause(PauseDialling, at(9*time.Second))
			e.Pause(PauseHandshake, at(9*time.Second))
		}, with(with(silenceStill(), Connect, Over), TLSHandshake, Running)},
		"switched off": {func(_ *Events, d *Durations) { d[IdleTimeout], d[HalfClose] = 0, 0 },
			map[Timer]Standing{IdleTimeout: Off, HalfClose: Off}},
	} {
		t.Run(name, func(t *testing.T) {
			e, d := busy()
			test.change(&e, &d)
			for timer, standing := range asked() {
				if _, told := test.want[timer]; !told {
					test.want[timer] = standing
				}
			}
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

// silenceOver are the timers of a client's silence after its FIN.
func silenceOver() map[Timer]Standing {
	return map[Timer]Standing{IdleTimeout: Over, FirstMessage: Over, Message: Over, MessageRate: Over, HeartbeatOnly: Over, ProbeAfter: Over, ProbeTimeout: Over, IdleInTransaction: Over}
}

// silenceStill are the same while the client is not read, as far as busy has started them.
func silenceStill() map[Timer]Standing {
	return map[Timer]Standing{IdleTimeout: Still, FirstMessage: Still, Message: Still, MessageRate: Still, HeartbeatOnly: Still, ProbeAfter: Still, IdleInTransaction: Still}
}

func with(all map[Timer]Standing, t Timer, s Standing) map[Timer]Standing {
	all[t] = s
	return all
}

func TestAClientThatIsAskedHasItsTimeoutForTheAnswer(t *testing.T) {
	e, d := busy()
	e.Detail.Asked, e.Detail.Awaited = at(time.Minute), at(2*time.Minute)
	if due := e.Due(ProbeTimeout, &d); due != at(3*time.Minute) {
		t.Errorf("it is due at %v", due.Since(at0))
	}
	if since, cause := e.Since(ProbeTimeout); since != at(2*time.Minute) || cause != "the question to the client" {
		t.Errorf("it counts from %v, %s", since.Since(at0), cause)
	}
	if e.Due(ProbeAfter, &d) != Never || e.Standing(ProbeAfter, &d) != Waiting {
		t.Error("another probe is due")
	}
}

func TestAProbeThatCouldNotBeSentIsDueAgain(t *testing.T) {
	e, d := busy()
	e.Detail.AskFrom = at(90 * time.Second)
	if due := e.Due(ProbeAfter, &d); due != at(90*time.Second) {
		t.Errorf("it is due at %v", due.Since(at0))
	}
}

func TestWhileAReplyIsOwedOnlyReplyTimeoutRuns(t *testing.T) {
	e, d := busy()
	e.Detail.Owed = at(10 * time.Second)
	if due := e.Due(Reply, &d); due != at(70*time.Second) {
		t.Errorf("reply_timeout is due at %v", due.Since(at0))
	}
	if due := e.Due(IdleTimeout, &d); due != Never || e.IdlePast(d[IdleTimeout], at(time.Hour)) || e.Silence(at(time.Hour)) != 0 {
		t.Errorf("idle_timeout is due at %v, and there is a silence of %v", due.Since(at0), e.Silence(at(time.Hour)))
	}
	e.ReplyMoved = at(30 * time.Second)
	since, cause := e.Since(Reply)
	if due := e.Due(Reply, &d); due != at(90*time.Second) || since != at(30*time.Second) || cause != "the last byte of the reply that moved" {
		t.Errorf("while a long reply moves it is due at %v, from %v, %s", due.Since(at0), since.Since(at0), cause)
	}
}

func TestACloneSharesNothing(t *testing.T) {
	e, _ := busy()
	own := e.Clone()
	e.Detail.Data, e.ClientSpoke, e.Detail.Pace.Client.Got = at(time.Hour), at(time.Hour), 1
	if own.Detail.Data == e.Detail.Data || own.Detail.Pace.Client.Got == 1 || own.ClientSpoke == e.ClientSpoke {
		t.Error("what has happened to the one has happened to the other")
	}
	plain := Accept(at0, 0)
	if own := plain.Clone(); own.Detail != nil {
		t.Error("a connection without a detail got one")
	}
}
