package deadline

import (
	"math/rand/v2"
	"testing"
	"time"
)

// conversation is all that has happened on a connection, from which it can be told when any idle_timeout is due.
type conversation struct {
	reset   Instant
	replies [][2]Instant // begin and end of the lasting messages to the client
}

// due is the contract: idle_timeout waits for a message to the client if it is due meanwhile, and then counts from its end.
func (c *conversation) due(d time.Duration) Instant {
	from := c.reset
	for _, reply := range c.replies {
		if due := from.After(d); reply[0] <= due && due <= reply[1] {
			from = reply[1]
		}
	}
	return from.After(d)
}

// converse lets a client and a server speak at random until an idle_timeout of d is due, and calls check after each event.
func converse(random *rand.Rand, d time.Duration, check func(*Events, *conversation, Instant)) {
	e := Accept(at0, 0)
	e.ResetOn = ResetOnClient
	c := conversation{reset: at0}
	now := at0
	for range 30 {
		if now = now.After(time.Duration(1 + random.IntN(20))); now > c.due(d) {
			return
		}
		if random.IntN(4) == 0 {
			e.ClientSpoke, e.IdleFrom, c.reset = now, now, now
		} else {
			began := now
			now = now.After(time.Duration(1 + random.IntN(40)))
			e.ReplyMoves(began, began)
			e.ReplyEnds(d, now)
			c.replies = append(c.replies, [2]Instant{began, now})
		}
		check(&e, &c, now)
	}
}

func TestIdleTimeoutCountsByTheContract(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		d := time.Duration(5 + random.IntN(60))
		converse(random, d, func(e *Events, c *conversation, _ Instant) {
			if got, want := e.IdleDue(&Durations{IdleTimeout: d}), c.due(d); got != want {
				t.Fatalf("seed %d: %d is due at %d, want %d after %v", seed, d, got-at0, want-at0, c)
			}
		})
	}
}

func TestAnEditedIdleTimeoutIsNeverEarlyAndLateByNoMoreThanItself(t *testing.T) {
	exact, checked := 0, 0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		converse(random, time.Duration(5+random.IntN(60)), func(e *Events, c *conversation, now Instant) {
			edited, other := *e, time.Duration(5+random.IntN(60))
			edited.Recount(other)
			got, want := edited.IdleDue(&Durations{IdleTimeout: other}), c.due(other)
			if got < want || got > max(want, now.After(other)) {
				t.Fatalf("seed %d: edited to %d at %d it is due at %d, want %d after %v", seed, other, now-at0, got-at0, want-at0, c)
			}
			checked++
			if got == want {
				exact++
			}
		})
	}
	if exact < checked*3/4 || checked == 0 {
		t.Errorf("%d of %d edits were judged to the instant", exact, checked)
	}
}
