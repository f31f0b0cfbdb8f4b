package main

import (
	"cmp"
	"fmt"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

// verdicts are sentences about what ends a connection, the first of which is the short answer.
func verdicts(e api.Explanation) []string {
	id := e.Connection.ID
	lines := []string{endedBy(e)}
	if e.Draining != nil {
		why := "its route, its endpoint or the gateway drains"
		if e.Draining.Reason == "route_removed" {
			why = "its route is no longer in the policy file"
		}
		lines = append(lines, fmt.Sprintf("Connection %d is being drained: %s.", id, why))
	}
	if e.ReadPaused {
		lines = append(lines, "The gateway is not reading the client just now, so the timers of its silence stand still"+pausedFor(e.ReadPausedFor)+".")
	}
	return lines
}

// pausedFor says why a client is not read.
func pausedFor(reasons []string) string {
	clauses := map[string]string{
		"dialling":       "the upstream connection is being made",
		"upstream_waits": "the upstream does not take what it has sent",
		"upstream_gone":  "nothing can be written to the upstream",
		"memory":         "buffer_memory is spent",
		"answers_wait":   "it does not take the answers to its heartbeats",
		"read_deadline":  "read_deadline has passed",
	}
	said := ""
	for i, reason := range reasons {
		separator := ", and "
		if i == 0 {
			separator = ": "
		}
		said += separator + cmp.Or(clauses[reason], reason)
	}
	return said
}

// endedBy says what ends the connection first as things stand.
func endedBy(e api.Explanation) string {
	c := e.Connection
	runs := c.NextTimer != "" && c.DueSeconds != nil
	if e.Draining != nil && e.Draining.DueSeconds != nil && (!runs || *e.Draining.DueSeconds < *c.DueSeconds) {
		return fmt.Sprintf("drain_timeout closes connection %d in %s unless it ends before.", c.ID, figure.Duration(*e.Draining.DueSeconds))
	}
	if !runs {
		return fmt.Sprintf("No timer ends connection %d as things stand.", c.ID)
	}
	if timer := timerOf(e, c.NextTimer); timer.Waits != "" && *c.DueSeconds <= 0 {
		return fmt.Sprintf("%s of connection %d is over, but waits for %s.", c.NextTimer, c.ID, timer.Waits)
	}
	return fmt.Sprintf("%s closes connection %d in %s%s.", c.NextTimer, c.ID, figure.Duration(*c.DueSeconds), escape(e))
}

// timerOf is the timer with that key; the zero Timer where there is none.
func timerOf(e api.Explanation, key string) api.Timer {
	for _, timer := range e.Timers {
		if timer.Timer == key {
			return timer
		}
	}
	return api.Timer{}
}

// escape is what would keep the next timer from ending the connection.
func escape(e api.Explanation) string {
	switch e.Connection.NextTimer {
	case "idle_timeout":
		return " unless " + resetting(e)
	case "first_message_timeout":
		return " unless the client finishes its first message"
	case "message_timeout":
		return " unless the client finishes the message that it has begun"
	case "heartbeat_only_timeout":
		return " unless the client sends a message that is no heartbeat"
	case "probe.timeout":
		return " unless the client answers the probe, or sends another message"
	case "idle_in_transaction_timeout":
		return " unless the client sends a message"
	case "reply_timeout":
		return " unless the upstream replies"
	case "read_deadline":
		return " unless the client has finished sending by then"
	case "write_timeout":
		return " unless the side that takes nothing takes some of what waits for it"
	case "min_rate":
		return " unless the side that is too slow gets on by as many bytes as the file demands, or is done"
	case "half_close_timeout":
		return " unless the side that has not finished sends something"
	case "connect_timeout":
		return " unless an endpoint accepts"
	case "tls_handshake_timeout":
		return " unless the handshake is done by then"
	case "deadline", "write_deadline", "max_lifetime":
		return ", whatever it does"
	}
	return ""
}

// resetting is what restarts idle_timeout.
func resetting(e api.Explanation) string {
	what := "a whole message"
	if e.Protocol == "raw" { // where every read counts as one
		what = "something"
	}
	switch e.ResetOn {
	case "upstream":
		return "the upstream sends " + what
	case "either":
		return "either side sends " + what
	}
	return "the client sends " + what
}
