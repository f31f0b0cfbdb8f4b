package deadline

// Pause is a reason for which the gateway does not read the client, and Pauses the set of those there are. The read clock goes
// only while the set is empty. Each reason has one owner, which alone adds it and takes it away:
//
//	reason              from                                      until                                     owner
//	PauseDialling       an upstream connection is to be made      it is there                               relay/dial.go
//	PauseHandshake      a TLS handshake is under way              it is over                                Session.Shaking, Shaken
//	PauseUpstream       the upstream does not take bytes          it has taken all that waits for it        Session.Blocked, Drained
//	PauseUpstreamGone   nothing can be written to the upstream    -                                         relay/ends.go
//	PauseMemory         no memory is left for what it sends       a tenth of a second later                 relay/memory.go
//	PauseAnswers        the client does not take answers          it has taken all that waits for it        relay/answers.go
//	PauseReadDeadline   read_deadline has passed                  an edit that puts it off                  Session.CloseRead, ApplyRules
//	PauseRate           the client has sent more than its rates   its rates are kept again                  relay/rate.go
type Pause uint8

const (
	PauseDialling Pause = iota
	PauseUpstream
	PauseUpstreamGone
	PauseMemory
	PauseAnswers
	PauseReadDeadline
	PauseHandshake
	PauseRate
	pauseCount
)

var pauseNames = [pauseCount]string{"dialling", "upstream_waits", "upstream_gone", "memory", "answers_wait", "read_deadline", "handshake", "rate"}

// String returns the word in the API.
func (p Pause) String() string { return pauseNames[p] }

// Pauses is a set of reasons. Empty, the client is read.
type Pauses uint8

// Has reports whether p is in the set.
func (s Pauses) Has(p Pause) bool { return s&(1<<p) != 0 }

// Words returns the reasons as the API has them.
func (s Pauses) Words() []string {
	words := []string{}
	for p := range pauseCount {
		if s.Has(p) {
			words = append(words, p.String())
		}
	}
	return words
}

// Pause notes that from now on the client is not read for p, which may be said already.
func (e *Events) Pause(p Pause, now Instant) {
	if e.pauses == 0 {
		e.pausedSince = now
	}
	e.pauses |= 1 << p
}

// Resume notes that p holds no more. The client is read again if there is no other reason.
func (e *Events) Resume(p Pause, now Instant) {
	if !e.pauses.Has(p) {
		return
	}
	e.pauses &^= 1 << p
	if e.pauses == 0 {
		e.readAgain(now)
	}
}

// ResumeAll notes that no reason holds. It is for a copy that is to show what would be if the client were read.
func (e *Events) ResumeAll(now Instant) {
	if e.pauses != 0 {
		e.pauses = 0
		e.readAgain(now)
	}
}

func (e *Events) readAgain(now Instant) {
	e.paused += now.Since(e.pausedSince)
	e.pausedSince = 0
	if e.KernelPending { // else its end could be dated back to where ReadClock does not reach
		e.ClientWaits.Polled = now
	}
}

// Pauses returns why the client is not read.
func (e *Events) Pauses() Pauses { return e.pauses }

// Paused reports whether the client is not being read.
func (e *Events) Paused() bool { return e.pauses != 0 }

// Handshake is with whom a TLS handshake is under way.
type Handshake uint8

const (
	NoHandshake Handshake = iota
	ClientHandshake
	UpstreamHandshake // a part of connecting to it
)

// Handshake returns with whom one is.
func (e *Events) Handshake() Handshake {
	switch {
	case !e.pauses.Has(PauseHandshake):
		return NoHandshake
	case e.pauses.Has(PauseDialling):
		return UpstreamHandshake
	}
	return ClientHandshake
}
