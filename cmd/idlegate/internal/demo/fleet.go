package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// livelyClients is how many there are while the demo goes on running, of all habits together.
const livelyClients = 40

// habit is what one kind of client does from its connect to its end.
type habit struct {
	route string
	live  func(ctx context.Context, c *client, pace Pace, o *outcome)
}

// habits are those of the fleet. Most keep speaking; some fall silent for so long that they are ended, some never finish a message.
func habits() []habit {
	within := func(least, most time.Duration) time.Duration { return least + rand.N(max(most-least, 1)) }
	chat := func(least, most func(Pace) time.Duration, times int) func(context.Context, *client, Pace, *outcome) {
		return func(ctx context.Context, c *client, pace Pace, o *outcome) {
			for i := range times {
				if !c.exchange(ctx, fmt.Sprintf("message %d", i), o) || !c.pause(ctx, within(least(pace), most(pace)), o) {
					return
				}
			}
		}
	}
	tenth := func(p Pace) time.Duration { return p.Patient / 10 }
	half := func(p Pace) time.Duration { return p.Patient / 2 }
	most := func(p Pace) time.Duration { return p.Patient * 9 / 10 }
	more := func(p Pace) time.Duration { return p.Patient * 6 / 5 }
	return []habit{
		{"patient", chat(tenth, half, 200)}, // talks
		{"patient", chat(half, most, 60)},   // is slow, and in time
		{"patient", chat(half, more, 60)},   // is now and then too late
		{"patient", func(ctx context.Context, c *client, pace Pace, o *outcome) { // begins a message and never finishes it
			if c.exchange(ctx, "hello", o) {
				_, _ = c.conn.Write(frame("unfinished")[:5]) // that it was ended shows in what follows
				c.pause(ctx, pace.Patient*2, o)
			}
		}},
		{"brief", chat(tenth, half, 200)}, // lasts until its deadline
	}
}

// keepFleet keeps lively clients at the gateway until ctx ends, and returns when the last has left.
func (s *stage) keepFleet(ctx context.Context) {
	all := habits()
	var fleet sync.WaitGroup
	for i := range livelyClients {
		fleet.Go(func() {
			for ctx.Err() == nil {
				s.live(ctx, all[i%len(all)])
			}
		})
	}
	fleet.Wait()
}

// live is one connection of a lively client, and the while before its next.
func (s *stage) live(ctx context.Context, h habit) {
	if c, err := dial(ctx, s.address(h.route)); err == nil {
		h.live(ctx, c, s.cfg.Pace, new(outcome))
		c.leave()
	}
	rest := time.NewTimer(s.cfg.Pace.Patient/10 + rand.N(s.cfg.Pace.Patient/2))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}
