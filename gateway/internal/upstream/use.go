package upstream

import "time"

// Settle is how long a connection must stand until it says that its endpoint is well.
const Settle = time.Second

// Use is what one connection has of an endpoint. It is plain data, and belongs to the connection.
type Use struct {
	*Endpoint // that was picked last; nil: none yet
	tried     tried
	stage     stage
	probe     bool
	finished  bool // the endpoint has sent its FIN
}

// stage is where a Use stands.
type stage uint8

const (
	unused    stage = iota // no place is held
	inDial                 // from Pick to Connected or Failed
	connected              // from Connected until Settled
	settled                // to the end
)

// Reserved reports whether the connection has a place at its endpoint.
func (u *Use) Reserved() bool { return u.stage != unused }

// Attempts returns how many endpoints were picked, by no means all different.
func (u *Use) Attempts() int { return int(u.tried.attempts) }

// Connected notes that an attempt to connect has succeeded. That alone says nothing of the endpoint: it may reset the
// connection at once.
func (u *Use) Connected(now int64) {
	u.stage = connected
	u.dialling.ended(now)
	u.attempted(OK, now)
}

// Settled notes that the connection stands since Settle.
func (u *Use) Settled(now int64) Change {
	if u.stage != connected {
		return Change{}
	}
	return u.succeeded(now)
}

func (u *Use) succeeded(now int64) Change {
	u.stage = settled
	u.endProbe()
	c := u.health.succeeded(now)
	if c.Kind == Returned {
		u.ramp.begin(now)
	}
	return c
}

func (u *Use) endProbe() {
	if u.probe {
		u.probe = false
		u.health.probed.Store(false)
	}
}

// Finished notes that the endpoint has sent its FIN.
func (u *Use) Finished() {
	if u.Reserved() && !u.finished {
		u.finished = true
		u.Endpoint.finished.Add(1)
	}
}

// release gives the place back.
func (u *Use) release(now int64) {
	if u.stage == inDial {
		u.dialling.ended(now)
	}
	if u.finished {
		u.finished = false
		u.Endpoint.finished.Add(-1)
	}
	u.endProbe()
	u.stage = unused
	u.open.Add(-1)
}

// Failed gives the place of an attempt to connect back that has failed; words says why.
func (s *Set) Failed(u *Use, r Result, words string, now int64) (c Change) {
	u.attempted(r, now)
	if r != Local {
		c = u.health.failed(s.eject, u.probe, words, now)
	}
	u.release(now)
	return c
}

// MayRetry lets the endpoint be picked again that has just Failed. It still counts as an attempt.
func (u *Use) MayRetry() { u.tried.forget() }

// Ending is how a connection has ended, in what concerns its endpoint.
type Ending struct {
	How    End
	Silent bool          // the endpoint had sent nothing
	Waited time.Duration // for an answer to the attempt under way
}

// Ended gives the place of a connection back that has ended. Its Use still says which endpoint that was.
func (s *Set) Ended(u *Use, e Ending, now int64) (c Change) {
	if u.stage == unused {
		return c
	}
	if u.stage != inDial && e.How != EndOther {
		u.ends[e.How].Add(1)
	}
	if words := u.failure(e); words != "" {
		c = u.health.failed(s.eject, u.probe, words, now)
	} else if u.stage == connected && !e.Silent && (e.How == EndOther || e.How == EndFIN) {
		c = u.succeeded(now)
	}
	u.release(now)
	return c
}

// failure says why an ending counts against the endpoint; "": it does not. Clients who have no patience, or a deadline that is
// shorter than connect_timeout, must not keep a black hole from being found out.
func (u *Use) failure(e Ending) string {
	switch {
	case u.stage == inDial && e.Waited >= Settle:
		return "no answer until the connection ended"
	case u.stage == inDial || !e.Silent:
		return ""
	case e.How == EndReset:
		return "reset before it had sent anything"
	case e.How == EndLost:
		return "lost before it had sent anything"
	}
	return ""
}
