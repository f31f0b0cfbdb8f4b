package ledger

import (
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// LoopStats is what one loop has counted of one route, and remembers of its ends.
type LoopStats struct {
	Counters
	History History
	latest  time.Duration // see Totals
}

// CountLate counts that a timer was acted on so late.
func (l *LoopStats) CountLate(late time.Duration) {
	l.Lateness.Observe(late)
	l.latest = max(l.latest, late)
}

// CountEnd counts that s has ended.
func (l *LoopStats) CountEnd(s *session.Session, now deadline.Instant) {
	l.Closed[s.Reason]++
	l.History.count(s.Reason, now)
	l.Duration.Observe(s.Age(now))
	l.ended(s, now)
}
