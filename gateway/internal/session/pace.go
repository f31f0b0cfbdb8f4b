package session

import "idlegate/gateway/internal/deadline"

// paced reports whether r has a least rate.
func (r *Rules) paced() bool { return r.Enforced[deadline.ClientRate] > 0 }

// followPace makes an open session keep an edited least rate from now on. What moved before was counted by another.
func (s *Session) followPace(old, edited *Rules, now deadline.Instant) {
	if edited.paced() && (old.Least != edited.Least || old.Enforced[deadline.ClientRate] != edited.Enforced[deadline.ClientRate]) {
		s.Events.BeginPace(now)
	}
}

// window returns what is counted of the bytes that side takes; nil: nothing is.
func (s *Session) window(side Side) *deadline.Window {
	p := s.Events.Pace()
	switch {
	case p == nil:
		return nil
	case side == Client:
		return &p.Client
	}
	return &p.Upstream
}

func rateTimer(side Side) deadline.Timer {
	if side == Client {
		return deadline.ClientRate
	}
	return deadline.UpstreamRate
}

// Took is Progressed where it is known that n of the bytes that wait for side were acknowledged.
func (s *Session) Took(r *Rules, side Side, n uint64, now deadline.Instant) {
	if s.waits(side).Progressed == 0 {
		return
	}
	s.Progressed(side, now)
	if w := s.window(side); w != nil && w.Moved(n, r.Least, now) {
		s.started(rateTimer(side))
	}
}

// messageMoved counts n bytes of the client's message under way.
func (s *Session) messageMoved(r *Rules, n uint64, now deadline.Instant) {
	if p := s.Events.Pace(); p != nil && p.Message.Moved(n, r.Least, s.Events.ReadClock(now)) {
		s.started(deadline.MessageRate)
	}
}

// messagePaced counts a message of the client that begins now.
func (s *Session) messagePaced() {
	if p := s.Events.Pace(); p != nil {
		p.Message = deadline.Window{From: s.Events.MessageBegan}
		s.started(deadline.MessageRate)
	}
}
