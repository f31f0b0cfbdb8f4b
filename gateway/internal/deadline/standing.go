package deadline

// Standing says how a timer of a connection stands.
type Standing uint8

const (
	Off     Standing = iota // the policy does not have it
	Waiting                 // nothing has started it yet
	Running                 // it fires when it is due
	Still                   // it stands still while the gateway does not read the client
	Over                    // it can fire no more
)

// String returns the word that operators read.
func (s Standing) String() string {
	return [...]string{"off", "waiting", "running", "still", "over"}[s]
}

// Standing returns how t stands under d.
func (e *Events) Standing(t Timer, d *Durations) Standing {
	if d[t] == 0 || t == IdleTimeout && e.IdleValue(d) == 0 {
		return Off
	}
	switch t {
	case HeartbeatOnly, ProbeAfter, ProbeTimeout, Reply, IdleInTransaction:
		return e.standingInDetail(t)
	case IdleTimeout:
		return e.attending(e.ClientFIN, false)
	case FirstMessage:
		return e.attending(e.FirstMessage || e.ClientFIN, e.ServerFirst && e.Greeted == 0)
	case Message:
		return e.attending(e.ClientFIN, e.MessageBegan == 0)
	case ClientWrite:
		return started(e.ClientWaits.Progressed)
	case UpstreamWrite:
		return started(e.UpstreamWaits.Progressed)
	case HalfClose:
		if e.ClientFIN && e.HalfClosed == 0 {
			return Over // the upstream has finished, too
		}
		return started(e.HalfClosed)
	case Connect:
		if e.Handshake() == UpstreamHandshake {
			return Over
		}
		return started(e.ConnectBegan)
	case TLSHandshake:
		if e.Handshake() == NoHandshake {
			return Waiting
		}
	case MessageRate, ClientRate, UpstreamRate:
		return e.standingOfPace(t)
	}
	return Running
}

// attending is how a timer stands that measures the client's silence.
func (e *Events) attending(over, waiting bool) Standing {
	switch {
	case over:
		return Over
	case waiting:
		return Waiting
	case e.Paused():
		return Still
	}
	return Running
}

func started(at Instant) Standing {
	if at == 0 {
		return Waiting
	}
	return Running
}

// Since returns what t counts from, on the real clock, and what that is in words; 0 where nothing has started it.
func (e *Events) Since(t Timer) (Instant, string) {
	switch t {
	case HeartbeatOnly, ProbeAfter, ProbeTimeout, Reply, IdleInTransaction:
		return e.sinceInDetail(t)
	case IdleTimeout:
		return e.idleSince()
	case FirstMessage:
		if e.ServerFirst {
			return e.Greeted.After(e.paused), "the server's greeting"
		}
		return e.Accepted, "accept"
	case Message:
		return e.Unattended(e.MessageBegan), "the first byte of the client's message"
	case ClientWrite:
		return e.ClientWaits.Progressed, "the last byte that the client took"
	case UpstreamWrite:
		return e.UpstreamWaits.Progressed, "the last byte that the upstream took"
	case HalfClose:
		return e.HalfClosed, "the last sign of the side still open"
	case Connect:
		return e.ConnectBegan, "the attempt to connect"
	case TLSHandshake:
		if e.Handshake() == UpstreamHandshake {
			return e.ConnectBegan, "the attempt to connect"
		}
	case MessageRate, ClientRate, UpstreamRate:
		return e.sinceOfPace(t)
	}
	return e.Accepted, "accept"
}

func (e *Events) idleSince() (Instant, string) {
	words := "the last message that restarts it"
	switch {
	case e.IdleFrom > e.Reset() && e.IdleFrom == e.paid():
		words = "the end of a reply that was owed"
	case e.IdleFrom > e.Reset():
		words = "the end of a message to the client"
	case e.Reset() == e.Accepted:
		words = "accept"
	}
	return e.Unattended(e.IdleFrom), words
}

// Unattended returns a read-clock instant on the real clock, as near as is known.
func (e *Events) Unattended(t Instant) Instant {
	if t == 0 {
		return 0
	}
	return t.After(e.paused)
}
