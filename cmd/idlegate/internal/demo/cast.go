package demo

import (
	"context"
	"fmt"
	"time"

	"idlegate/policy/units"
)

// part is what one client of the demo does and what the gateway promises it.
type part struct {
	name  string
	route string
	act   func(ctx context.Context, c *client, say func(text string)) outcome
	// What is promised.
	back   int           // messages that come back; unlimited: as many as were sent, but for the last
	reason string        // of the end
	beats  bool          // its messages are heartbeats
	after  time.Duration // that the connection lasts from what started the timer; 0: the client ends it
	why    string        // in words
}

// unlimited is the promise to a client that sends until it is stopped.
const unlimited = -1

// spaced is how many messages steady has to send, and slow would like to.
const spaced = 5

func cast(p Pace) []part {
	return []part{
		{
			name: "steady", route: "patient", act: speak(p.Gap), back: spaced, reason: "client_fin",
			why: "it has said what it had to say, and closes the connection itself",
		}, {
			name: "slow", route: "hasty", act: speak(p.Gap), back: 1, reason: "idle_timeout", after: p.Hasty,
			why: fmt.Sprintf("no message for %s; its next one would have come after %s", units.FormatDuration(p.Hasty), units.FormatDuration(p.Gap)),
		}, {
			name: "half", route: "patient", act: trickle(p.Trickle), reason: "message_timeout", after: p.Unbroken,
			why: fmt.Sprintf("bytes kept coming, but the message was not whole after %s", units.FormatDuration(p.Unbroken)),
		}, {
			name: "drip", route: "hasty", act: trickle(p.Trickle), reason: "idle_timeout", after: p.Hasty,
			why: fmt.Sprintf("bytes kept coming, but no message for %s: a byte restarts nothing", units.FormatDuration(p.Hasty)),
		}, {
			name: "busy", route: "brief", act: hurry(p.Breath), back: unlimited, reason: "deadline", after: p.Deadline,
			why: fmt.Sprintf("a short connection lasts %s, however busy it is", units.FormatDuration(p.Deadline)),
		}, {
			name: "pulse", route: "watched", act: beat(p.Trickle, spaced), back: spaced, reason: "client_fin", beats: true,
			why: "the gateway has answered its heartbeats, the backend has seen none of them",
		}, {
			name: "alone", route: "watched", act: beat(p.Trickle, unlimited), back: unlimited, reason: "heartbeat_only", after: p.Alone, beats: true,
			why: fmt.Sprintf("nothing but heartbeats for %s", units.FormatDuration(p.Alone)),
		},
	}
}

// speak sends the messages 0 to 4, the gap after one another.
func speak(gap time.Duration) func(context.Context, *client, func(string)) outcome {
	return func(ctx context.Context, c *client, say func(string)) (o outcome) {
		last := c.began
		for i := range spaced {
			body := fmt.Sprintf("%dThis was a test for long Conn", i)
			last = time.Now()
			if !c.exchange(ctx, body, &o) {
				break
			}
			say(fmt.Sprintf("%q went and came back", body))
			if i < spaced-1 && !c.pause(ctx, gap, &o) {
				break
			}
		}
		o.held = time.Since(last)
		return o
	}
}

// trickle sends a message byte by byte that it will not finish.
func trickle(gap time.Duration) func(context.Context, *client, func(string)) outcome {
	return func(ctx context.Context, c *client, say func(string)) (o outcome) {
		say(fmt.Sprintf("begins a message, a byte every %s, and will never finish it", units.FormatDuration(gap)))
		unfinished := frame(string(make([]byte, maxBody)))
		for i := range unfinished {
			if _, err := c.conn.Write(unfinished[i : i+1]); err != nil {
				o.closed = true
				break
			}
			if !c.pause(ctx, gap, &o) {
				break
			}
		}
		o.held = time.Since(c.began)
		return o
	}
}

// beat sends that many heartbeats, the gap after one another, or until it is stopped.
func beat(gap time.Duration, most int) func(context.Context, *client, func(string)) outcome {
	return func(ctx context.Context, c *client, say func(string)) (o outcome) {
		say(fmt.Sprintf("sends a heartbeat every %s, and the gateway answers", units.FormatDuration(gap)))
		for o.sent != most && c.ask(ctx, "ping", "pong", &o) && (o.sent == most || c.pause(ctx, gap, &o)) {
		}
		o.held = time.Since(c.began)
		return o
	}
}

// hurry sends one message after the other until it is stopped.
func hurry(breath time.Duration) func(context.Context, *client, func(string)) outcome {
	return func(ctx context.Context, c *client, say func(string)) (o outcome) {
		say("sends one message after the other and will not stop")
		for c.exchange(ctx, fmt.Sprintf("%d messages before this one", o.back), &o) && c.pause(ctx, breath, &o) {
		}
		o.held = time.Since(c.began)
		return o
	}
}
