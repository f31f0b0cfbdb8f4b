package main

import (
	"strings"
	"testing"

	"idlegate/gateway/admin/api"
)

func TestVerdicts(t *testing.T) {
	soon, later, over := 4.7, 41.17, 0.0
	due := func(timer string, seconds *float64) api.Explanation {
		return api.Explanation{
			Connection: api.Connection{ID: 17, NextTimer: timer, DueSeconds: seconds}, ResetOn: "client", Protocol: "length_field",
			Timers: []api.Timer{{Timer: "max_lifetime"}, {Timer: "idle_timeout", Waits: "a reply that is owed"}},
		}
	}
	with := func(e api.Explanation, change func(*api.Explanation)) api.Explanation {
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		of   api.Explanation
		want []string
	}{
		"silence of the client": {
			due("idle_timeout", &later),
			[]string{"idle_timeout closes connection 17 in 41s unless the client sends a whole message."},
		},
		"silence of the upstream": {
			with(due("idle_timeout", &later), func(e *api.Explanation) { e.ResetOn = "upstream" }),
			[]string{"idle_timeout closes connection 17 in 41s unless the upstream sends a whole message."},
		},
		"silence of both, where any byte is a message": {
			with(due("idle_timeout", &later), func(e *api.Explanation) { e.ResetOn, e.Protocol = "either", "raw" }),
			[]string{"idle_timeout closes connection 17 in 41s unless either side sends something."},
		},
		"its time is over, but it waits": {
			due("idle_timeout", &over),
			[]string{"idle_timeout of connection 17 is over, but waits for a reply that is owed."},
		},
		"nothing helps": {
			due("max_lifetime", &soon),
			[]string{"max_lifetime closes connection 17 in 4.7s, whatever it does."},
		},
		"a timer that is not known here": {
			due("patience", &soon),
			[]string{"patience closes connection 17 in 4.7s."},
		},
		"no timer runs": {
			due("", nil),
			[]string{"No timer ends connection 17 as things stand."},
		},
		"its route is gone, and the drain cuts it first": {
			with(due("idle_timeout", &later), func(e *api.Explanation) { e.Draining = &api.Drain{Reason: "route_removed", DueSeconds: &soon} }),
			[]string{
				"drain_timeout closes connection 17 in 4.7s unless it ends before.",
				"Connection 17 is being drained: its route is no longer in the policy file.",
			},
		},
		"its endpoint drains, and a timer ends it first": {
			with(due("message_timeout", &soon), func(e *api.Explanation) { e.Draining = &api.Drain{Reason: "drained", DueSeconds: &later} }),
			[]string{
				"message_timeout closes connection 17 in 4.7s unless the client finishes the message that it has begun.",
				"Connection 17 is being drained: its route, its endpoint or the gateway drains.",
			},
		},
		"the client is not read": {
			with(due("", nil), func(e *api.Explanation) {
				e.ReadPaused, e.ReadPausedFor = true, []string{"upstream_waits", "read_deadline"}
			}),
			[]string{
				"No timer ends connection 17 as things stand.",
				"The gateway is not reading the client just now, so the timers of its silence stand still: " +
					"the upstream does not take what it has sent, and read_deadline has passed.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := strings.Join(verdicts(c.of), "\n"), strings.Join(c.want, "\n"); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

// Every timer that the policy file has says what would keep it from ending a connection.
func TestEveryTimerHasAnEscape(t *testing.T) {
	for _, timer := range []string{
		"deadline", "read_deadline", "write_deadline", "idle_timeout", "first_message_timeout", "message_timeout",
		"heartbeat_only_timeout", "probe.timeout", "idle_in_transaction_timeout", "reply_timeout", "max_lifetime", "write_timeout", "half_close_timeout",
		"connect_timeout", "tls_handshake_timeout", "min_rate",
	} {
		if escape(api.Explanation{Connection: api.Connection{NextTimer: timer}}) == "" {
			t.Errorf("%s says nothing", timer)
		}
	}
}
