package ledger

import (
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// Silences returns what advice goes by: the longest silence after which the client of s spoke again, and how long it is
// silent now. A first message that comes soon is no sign that one who is silent speaks again: that says hello.
func Silences(s *session.Session, now deadline.Instant) (quiet, tail time.Duration) {
	quiet, tail = s.MaxSilence(), s.Tail(now)
	if s.FromClient.Messages <= 1 && quiet < advice.Shortest {
		quiet = 0
	}
	return quiet, tail
}
