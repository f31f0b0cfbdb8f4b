package session

import (
	"slices"
	"testing"
	"time"

	"idlegate/gateway/internal/deadline"
)

// TestEachReasonNotToReadIsTakenAwayByItsOwner makes an edit put read_deadline off, and the upstream take what waits for it, while the
// client is not read for other reasons, too.
func TestEachReasonNotToReadIsTakenAwayByItsOwner(t *testing.T) {
	l := newLines()
	l.rules.Enforced[deadline.ReadDeadline] = 3 * time.Second
	expect := func(after string, want ...string) {
		t.Helper()
		if got := l.Events.Pauses().Words(); !slices.Equal(got, want) {
			t.Errorf("after %s it is not read for %q, want %q", after, got, want)
		}
	}
	l.Events.Pause(deadline.PauseAnswers, l.at(1))
	l.Blocked(Upstream, l.at(2))
	l.CloseRead(l.at(3))
	expect("three reasons", "upstream_waits", "answers_wait", "read_deadline")
	old := l.rules
	l.rules.Enforced[deadline.ReadDeadline] = time.Minute
	l.ApplyRules(&old, &l.rules, l.at(4), 0, 0)
	expect("the edit", "upstream_waits", "answers_wait")
	if l.ReadClosed() {
		t.Error("read_deadline still counts as passed")
	}
	l.Blocked(Client, l.at(5))
	l.Drained(&l.rules, Client, l.at(6))
	expect("the client took all", "upstream_waits", "answers_wait")
	l.Drained(&l.rules, Upstream, l.at(7))
	expect("the upstream took all", "answers_wait")
	if at := l.Events.ReadClock(l.at(8)); at != l.at(1) {
		t.Errorf("the read clock has gone on to %v", at.Since(l.at(0)))
	}
}
