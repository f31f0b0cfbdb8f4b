package deadline

import "time"

// Pace is how far the peers get of a connection with a least rate (limits.min_rate): a number of bytes in a length of time. It is counted
// in windows. One begins when bytes begin to wait for a peer, or the client begins a message, and the next when the peer has got
// these bytes on:
//
//	bytes   ··1···400··········700··············3·········
//	window  ├─────────────────────┤├──────── over ────────┤ due
//
// So a timer is never early: all of the time over has passed, in which there were fewer bytes. Who has taken all, or has finished the
// message, has no window.
type Pace struct {
	Message  Window // read clock: bytes of the client's message under way
	Client   Window // bytes that wait for it and that it has taken
	Upstream Window
}

// Window is since when a peer has got on, and by how many bytes.
type Window struct {
	From Instant
	Got  uint64
}

// Moved counts n bytes. With them the window is over if it has least.
func (w *Window) Moved(n, least uint64, now Instant) (over bool) {
	if w.Got += n; w.Got < least {
		return false
	}
	*w = Window{From: now}
	return true
}

// BeginPace begins all windows now.
func (e *Events) BeginPace(now Instant) {
	window := Window{From: now}
	e.Detailed().Pace = &Pace{Message: Window{From: e.ReadClock(now)}, Client: window, Upstream: window}
}

// Pace returns the pace, nil where no least rate is kept.
func (e *Events) Pace() *Pace {
	if e.Detail == nil {
		return nil
	}
	return e.Detail.Pace
}

// dueOfPace is Due for the timers of a least rate.
func (e *Events) dueOfPace(t Timer, d time.Duration) Instant {
	p := e.Pace()
	switch {
	case p == nil:
	case t == MessageRate && e.MessageBegan != 0 && !e.ClientFIN:
		return e.real(p.Message.From, d)
	case t == ClientRate && e.ClientWaits.Progressed != 0:
		return p.Client.From.After(d)
	case t == UpstreamRate && e.UpstreamWaits.Progressed != 0:
		return p.Upstream.From.After(d)
	}
	return Never
}

// standingOfPace is Standing for the same timers.
func (e *Events) standingOfPace(t Timer) Standing {
	switch {
	case e.Pace() == nil:
		return Waiting
	case t == MessageRate:
		return e.attending(e.ClientFIN, e.MessageBegan == 0)
	case t == ClientRate:
		return started(e.ClientWaits.Progressed)
	}
	return started(e.UpstreamWaits.Progressed)
}

// sinceOfPace is Since for the same timers.
func (e *Events) sinceOfPace(t Timer) (Instant, string) {
	p := e.Pace()
	switch {
	case p == nil:
		return 0, ""
	case t == MessageRate:
		return e.Unattended(p.Message.From), "the last time that the client's message made its rate, or its first byte"
	case t == ClientRate:
		return p.Client.From, "the last time that the client took bytes at its rate, or the first byte that waited"
	}
	return p.Upstream.From, "the last time that the upstream took bytes at its rate, or the first byte that waited"
}
