package ledger

import (
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// LoopStats is what one loop has counted of one route, and remembers of its ends.
type LoopStats struct {
	Counters
	History History
}

// CountEnd counts that s has ended.
func (l *LoopStats) CountEnd(s *session.Session, now deadline.Instant) {
	l.Closed[s.Reason]++
	l.History.count(s.Reason, now)
	l.Duration.Observe(s.Age(now))
	quiet, tail := Silences(s, now)
	l.Silences.Ended(quiet, tail, s.Reason == session.IdleTimeout)
}
