package session

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// waits returns what is known of the bytes that wait for side.
func (s *Session) waits(side Side) *deadline.Wait {
	if side == Client {
		return &s.Events.ClientWaits
	}
	return &s.Events.UpstreamWaits
}

func writeTimer(side Side) deadline.Timer {
	if side == Client {
		return deadline.ClientWrite
	}
	return deadline.UpstreamWrite
}

// Blocked notes that side does not take bytes that wait for it.
func (s *Session) Blocked(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Progressed == 0 {
		*w = deadline.Wait{Progressed: now, Polled: now}
		s.started(writeTimer(side))
		if own := s.window(side); own != nil {
			*own = deadline.Window{From: now}
			s.started(rateTimer(side))
		}
	}
	if side == Upstream {
		s.Events.Pause(deadline.PauseUpstream, now)
	} else {
		s.replyMoves(s.Events.ReadClock(now), now)
	}
}

// Progressed notes that side's kernel has acknowledged some of the bytes that wait for it.
func (s *Session) Progressed(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Progressed != 0 {
		*w = deadline.Wait{Progressed: now, Polled: now}
		s.graced = s.graced.Without(writeTimer(side))
	}
	if side == Client && s.Events.ReplyMoved != 0 {
		s.Events.ReplyMoved = now
	}
	s.halfOpenProgressed(side.Receives(), now)
}

// Polled notes that a look found nothing acknowledged.
func (s *Session) Polled(side Side, now deadline.Instant) {
	if w := s.waits(side); w.Progressed != 0 {
		w.Polled = now
	}
}

// Drained notes that side has taken all that waited for it.
func (s *Session) Drained(r *Rules, side Side, now deadline.Instant) {
	s.Progressed(side, now)
	*s.waits(side) = deadline.Wait{}
	if side == Upstream {
		s.Events.Resume(deadline.PauseUpstream, now)
	} else if s.atBoundary(protocol.FromUpstream) {
		s.replyEnded(r, now)
	}
}

// Unacked notes that the kernel still holds bytes for the client, which has acknowledged nothing for lastAck: a message is
// under way, whether or not we hold something of it. mark grows as bytes are acknowledged.
func (s *Session) Unacked(mark uint32, lastAck time.Duration, now deadline.Instant) {
	e := &s.Events
	if e.ReplyMoved == 0 { // what is seen for the first time began to wait when the upstream spoke last, if not before
		began := e.UpstreamSpoke
		s.replyMoves(began, now)
		e.ReplyMoved = min(now, e.Unattended(began))
	}
	s.acknowledged(mark, lastAck, now)
	if s.atBoundary(protocol.FromUpstream) && e.ClientWaits.Progressed == 0 {
		e.ReplyDrains(mark, e.ReplyMoved, now)
	}
}

// AllAcked notes that the kernel holds nothing for the client any more, which has acknowledged nothing for lastAck. What the
// last look found was acknowledged after it.
func (s *Session) AllAcked(r *Rules, mark uint32, lastAck time.Duration, now deadline.Instant) {
	switch e := &s.Events; {
	case e.KernelPending:
		s.replyOver(r, min(now, max(now.After(-lastAck), e.ReplyMoved, e.ClientWaits.Polled)))
	case e.ReplyMoved != 0:
		s.acknowledged(mark, lastAck, now)
	}
}

// acknowledged finds out when bytes of the message to the client moved last. A client acknowledges more than bytes, so its last
// acknowledgement counts only if there were bytes since the last look, or that was none.
func (s *Session) acknowledged(mark uint32, lastAck time.Duration, now deadline.Instant) {
	e := &s.Events
	if e.DrainMark == 0 || int32(mark-e.DrainMark) > 0 {
		e.ReplyMoved = max(e.ReplyMoved, now.After(-lastAck))
	}
	e.DrainMark = mark
}
