package session

import (
	"math"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// Read is what a side has sent.
type Read struct {
	Bytes  []byte // what is to be looked at: what the last Receipt wanted again, and what is new
	New    int    // of these
	Unread uint64 // bytes after them that are passed on without a look, at most Ahead
}

// Receipt says what a read meant. Of its bytes the first Pass are to be passed on and the next Swallow are not; what is left
// then is another read, or if Again says so is given again with what comes next.
type Receipt struct {
	Pass       int            // all bytes, unless something follows that is not to be passed on
	Swallow    int            // a heartbeat that the gateway answers, or the answer to its probe
	Again      int            // the last bytes, to be given again; among Pass or, while they may have to be swallowed, after it
	Answers    bool           // the bytes swallowed are a heartbeat to be answered
	Messages   uint64         // that were completed, heartbeats included
	Heartbeats uint64         // that were completed
	Gaps       uint64         // between client messages that they ended; one less where the client's first is among them
	Gap        time.Duration  // the first of these; the others are 0, as all messages of one read come at one instant
	First      time.Duration  // not 0: the client's first message is among them, so long after first_message_timeout began to count
	Took       time.Duration  // not 0: a message of the client that more than one read brought is complete, so long after its first byte
	FalseCut   time.Duration  // not 0: after so long a silence, for which a dry run had counted idle_timeout
	Broke      Reason         // Open, ProtocolError or MessageTooLarge: Pass bytes are sound, and the session ends
	Fault      protocol.Fault // of Broke
	Opaque     bool           // the connection has become opaque
	ended      bool           // the message under way, or that came first, is complete: what is under way now is another
	Rearm      bool           // a timer may now be due sooner than before
}

// Received takes what came in a direction. All messages of one read arrive at the same instant.
func (s *Session) Received(r *Rules, from protocol.Direction, in Read, now deadline.Instant) Receipt {
	f := s.Flow(from)
	before := s.waiting()
	got := s.scan(r, from, in.Bytes)
	if in.Unread > 0 {
		s.skip(r, from, in.Unread, &got)
	}
	f.Bytes += uint64(in.New) + in.Unread
	f.Messages += got.Messages
	f.Heartbeats = uint32(min(math.MaxUint32, uint64(f.Heartbeats)+got.Heartbeats))
	if got.Messages > 0 {
		got.FalseCut = s.spoke(r, from, now)
		if from == protocol.FromClient {
			s.clientSpoke(&got, now)
		}
	}
	begun := false
	if from == protocol.FromClient {
		if began := s.Events.MessageBegan; began != 0 && (got.ended || s.atBoundary(from)) {
			got.Took = max(1, s.Events.ReadClock(now).Since(began))
		}
		begun = s.clientMessage(r, got, uint64(in.New)+in.Unread, now)
	} else {
		s.upstreamMessage(r, got, now)
	}
	s.halfOpenProgressed(from, now)
	got.Rearm = begun || before != s.waiting()
	if s.Events.Detail != nil {
		got.Rearm = s.noteDetail(r, from, &got, now) || got.Rearm
	}
	return got
}

// spoke notes complete messages of a direction. It returns the silence before them if they restart idle_timeout and a dry run has
// counted that.
func (s *Session) spoke(r *Rules, from protocol.Direction, now deadline.Instant) (counted time.Duration) {
	at := s.Events.ReadClock(now)
	if r.restarts(from) {
		silence := max(s.silenceSoFar.duration(), s.Events.Silence(now))
		s.maxSilence, s.silenceSoFar = max(s.maxSilence, spanOf(silence)), 0
		if s.Events.Observed.Has(deadline.IdleTimeout) {
			counted = silence
		}
		s.started(deadline.IdleTimeout)
		s.Events.IdleFrom = at
		if d := s.Events.Detail; d != nil {
			d.ObservedIdleFrom = at
		}
	}
	s.Events.ResetOn = r.ResetOn
	if from == protocol.FromClient {
		s.Events.ClientSpoke = at
	} else {
		s.Events.UpstreamSpoke = at
	}
	return counted
}

// restarts reports whether complete messages of a direction restart idle_timeout.
func (r *Rules) restarts(from protocol.Direction) bool {
	return r.ResetOn&(deadline.ResetOnClient<<from) != 0
}

// started notes that t counts from now: a dry run may count it again, and what an edit has made of it before is past.
func (s *Session) started(t deadline.Timer) {
	s.Events.Observed = s.Events.Observed.Without(t)
	s.graced = s.graced.Without(t)
}

// replyMoves notes that bytes of a lasting message to the client move, which began at the instant of the read clock began unless one
// was under way. It divides the silence.
func (s *Session) replyMoves(began, now deadline.Instant) {
	if s.Events.ReplyMoved == 0 {
		s.silenceSoFar = max(s.silenceSoFar, spanOf(s.Events.Silence(now)))
	}
	s.Events.ReplyMoves(began, now)
}

// waiting is what a timer may have been put off for: a client message or a message to the client under way, or that a dry
// run has counted it. When that changes, a timer may be due sooner than it was.
type waiting struct {
	message, reply, draining, greeted bool
	observed                          deadline.Set
}

func (s *Session) waiting() waiting {
	e := &s.Events
	return waiting{e.MessageBegan != 0, e.ReplyMoved != 0, e.KernelPending, e.Greeted != 0, e.Observed}
}

// clientSpoke notes complete messages of the client.
func (s *Session) clientSpoke(got *Receipt, now deadline.Instant) {
	silence := now.Since(s.LastMessage)
	s.silence = max(s.silence, spanOf(silence))
	s.LastMessage = now
	got.Gaps = got.Messages
	if s.Events.FirstMessage {
		got.Gap = silence
		return
	}
	got.First = s.Events.FirstAfter(now)
	s.Events.FirstMessage = true
	got.Gaps--
}

// Seen notes that the client has begun a message of which nothing is read yet, since there is no memory for a part of it:
// message_timeout runs all the same. It reports whether it does from now on.
func (s *Session) Seen(now deadline.Instant) (begun bool) {
	if s.Events.MessageBegan != 0 {
		return false
	}
	s.begin(now)
	return true
}

// clientMessage notes whether the client has begun a message that it has not finished.
func (s *Session) clientMessage(r *Rules, got Receipt, n uint64, now deadline.Instant) (begun bool) {
	if s.atBoundary(protocol.FromClient) {
		s.Events.MessageBegan = 0
		return false
	}
	if s.Events.MessageBegan != 0 && !got.ended {
		s.messageMoved(r, n, now)
		return false
	}
	s.begin(now)
	return true
}

// begin notes that a message of the client begins.
func (s *Session) begin(now deadline.Instant) {
	s.Events.MessageBegan = s.Events.ReadClock(now)
	s.started(deadline.Message)
	s.messagePaced()
}

// upstreamMessage notes whether a message to the client is under way.
func (s *Session) upstreamMessage(r *Rules, got Receipt, now deadline.Instant) {
	if got.Messages > 0 {
		s.serverSpoke(now)
		s.replyEnded(r, now)
	}
	if !s.atBoundary(protocol.FromUpstream) {
		s.replyMoves(s.Events.ReadClock(now), now)
	}
}

// serverSpoke notes the first message of a server that speaks first.
func (s *Session) serverSpoke(now deadline.Instant) {
	if s.Events.ServerFirst && s.Events.Greeted == 0 {
		s.Events.Greeted = s.Events.ReadClock(now)
		s.started(deadline.FirstMessage)
	}
}

// replyEnded notes that all of the message to the client that was under way has been passed on, unless some of it is still
// held. If idle_timeout has waited for it, the end is not before the client has acknowledged what its kernel holds.
func (s *Session) replyEnded(r *Rules, now deadline.Instant) {
	switch e := &s.Events; {
	case e.ReplyMoved == 0 || e.KernelPending || e.ClientWaits.Progressed != 0:
	case s.IdleWaits(r, now):
		e.ReplyDrains(e.DrainMark, now, 0)
	default:
		s.replyOver(r, now)
	}
}

// replyOver ends the message to the client that was under way. If idle_timeout had waited for it, that now counts from
// there.
func (s *Session) replyOver(r *Rules, end deadline.Instant) {
	e := &s.Events
	inDryRun := s.eventsOfDryRun()
	e.ReplyEnds(e.IdleValue(&r.Enforced), end)
	if e.IdleFrom == e.Replied {
		s.graced = s.graced.Without(deadline.IdleTimeout)
	}
	if r.DryRun && !e.Observed.Has(deadline.IdleTimeout) {
		inDryRun.ReplyEnds(e.IdleValue(&r.Observed), end)
		e.Detailed().ObservedIdleFrom = inDryRun.IdleFrom
	}
}

// halfOpenProgressed restarts half_close_timeout if bytes moved in the direction that is still open.
func (s *Session) halfOpenProgressed(from protocol.Direction, now deadline.Instant) {
	if s.Events.HalfClosed != 0 && !s.Flow(from).FIN {
		s.Events.HalfClosed = now
		s.started(deadline.HalfClose)
	}
}
