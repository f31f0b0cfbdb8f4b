package session

import (
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

func TestAnEditSparesTheAttemptUnderWayAndNotTheNext(t *testing.T) {
	at := func(d time.Duration) deadline.Instant { return deadline.Instant(time.Hour + d) }
	old, edited := &Rules{}, &Rules{}
	old.Enforced[deadline.Connect], edited.Enforced[deadline.Connect] = time.Minute, time.Second
	s := Accept(at(0), 0)
	s.Dialling(at(0))
	s.ApplyRules(old, edited, at(10*time.Second), 20*time.Second, 1<<15)
	if due := s.Next(edited); due != at(20*time.Second) {
		t.Errorf("the attempt under way is given up at %v, want half the grace after the edit", due.Since(at(0)))
	}
	s.Dialling(at(12 * time.Second))
	if due := s.Next(edited); due != at(13*time.Second) {
		t.Errorf("the next is given up at %v, want connect_timeout after its begin", due.Since(at(0)))
	}
}
