package ledger

import (
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/session"
)

// Sample is what a connection that is open, or has ended, tells about one timer, as advice.Tally takes it.
type Sample struct{ Quiet, Tail time.Duration }

// Silence returns what advice on idle_timeout goes by: the longest silence after which the client of s spoke again, and how long it
// is silent now. A first message that comes soon is no sign that one who is silent speaks again: that says hello.
func Silence(s *session.Session, now deadline.Instant) Sample {
	one := Sample{s.MaxSilence(), s.Tail(now)}
	if s.FromClient.Messages <= 1 && one.Quiet < advice.Shortest {
		one.Quiet = 0
	}
	return one
}

// Age returns what advice on max_lifetime goes by: how old the connection was at the last message of its client, and how old it is.
func Age(s *session.Session, now deadline.Instant) Sample {
	return Sample{s.LastMessage.Since(s.Events.Accepted), s.Age(now)}
}

// ended counts what a connection tells that ends at now. What took the client how long to say is counted when it has said it.
func (c *Counters) ended(s *session.Session, now deadline.Instant) {
	silence, age := Silence(s, now), Age(s, now)
	c.Advice.Ended(advice.IdleTimeout, silence.Quiet, silence.Tail, s.Reason == session.IdleTimeout)
	c.Advice.Ended(advice.MaxLifetime, age.Quiet, age.Tail, s.Reason == session.MaxLifetime)
	if !s.Events.FirstMessage {
		c.Advice.Ended(advice.FirstMessageTimeout, 0, s.Events.FirstAfter(now), s.Reason == session.FirstMessageTimeout)
	}
	if under := s.Events.MessageFor(now); under > 0 {
		c.Advice.Ended(advice.MessageTimeout, 0, under, s.Reason == session.MessageTimeout)
	}
}

// Open adds to tallies what a connection tells that is open at now.
func Open(tallies *advice.Tallies, s *session.Session, now deadline.Instant) {
	silence, age := Silence(s, now), Age(s, now)
	tallies.Open(advice.IdleTimeout, silence.Quiet, silence.Tail)
	tallies.Open(advice.MaxLifetime, age.Quiet, age.Tail)
	if !s.Events.FirstMessage {
		tallies.Open(advice.FirstMessageTimeout, 0, s.Events.FirstAfter(now))
	}
	if under := s.Events.MessageFor(now); under > 0 {
		tallies.Open(advice.MessageTimeout, 0, under)
	}
}
