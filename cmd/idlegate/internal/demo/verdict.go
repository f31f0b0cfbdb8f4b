package demo

import (
	"fmt"
	"time"

	"idlegate/policy/units"
)

// check compares one promise with what was seen.
type check struct {
	name     string
	promised string
	seen     string
	kept     bool
}

// verdicts judges every client's connection.
func verdicts(parts []part, outcomes []outcome, pace Pace) []check {
	var all []check
	for i, p := range parts {
		all = append(all, check{
			name: p.name, promised: p.promise(), seen: outcomes[i].String(), kept: p.keeps(outcomes[i], pace.Grace),
		})
	}
	return all
}

// promise is what the part is promised, in words.
func (p part) promise() string {
	back := fmt.Sprintf("%d back", p.back)
	if p.back == unlimited {
		back = "all back"
	}
	if p.after == 0 {
		return back + ", then " + p.reason
	}
	return fmt.Sprintf("%s, %s after %s", back, p.reason, units.FormatDuration(p.after))
}

func (o outcome) String() string {
	if o.failure != nil {
		return o.failure.Error()
	}
	seen := fmt.Sprintf("%d of %d back, %s", o.back, o.sent, o.reason)
	if o.closed {
		seen += fmt.Sprintf(" after %.3fs", o.held.Seconds())
	}
	return seen
}

// keeps says whether o is what p was promised. A connection may end late by grace, and never early.
func (p part) keeps(o outcome, grace time.Duration) bool {
	back := o.back == p.back
	if p.back == unlimited {
		back = o.back > 0 && o.back >= o.sent-1 // the last one may have met the end
	}
	logged := o.logged >= uint64(o.back) && o.logged <= uint64(o.sent)
	inTime := !o.closed
	if p.after > 0 {
		inTime = o.closed && o.held >= p.after && o.held <= p.after+grace
	}
	return o.failure == nil && back && logged && inTime && o.reason == p.reason
}

// expectations judges the metrics: every close and every message of the clients must be in them, and nothing else.
func expectations(parts []part, outcomes []outcome, figures map[string]float64) []check {
	closes := map[string]uint64{}
	messages, beats := map[string]uint64{}, map[string]uint64{}
	var order []string
	for i, p := range parts {
		closed := fmt.Sprintf("idlegate_connections_closed_total{reason=%q,route=%q}", p.reason, p.route)
		if closes[closed] == 0 {
			order = append(order, closed)
		}
		closes[closed]++
		if p.beats {
			beats[p.route] += outcomes[i].logged
			continue
		}
		messages[p.route] += outcomes[i].logged
	}
	var all []check
	for _, name := range order {
		all = append(all, figure(name, closes[name], figures))
	}
	for _, route := range []string{"patient", "hasty", "brief"} {
		name := fmt.Sprintf("idlegate_messages_total{from=\"client\",kind=\"data\",route=%q}", route)
		all = append(all, figure(name, messages[route], figures))
	}
	for route, n := range beats { // the backend would send back what it saw
		all = append(all,
			figure(fmt.Sprintf("idlegate_messages_total{from=\"client\",kind=\"heartbeat\",route=%q}", route), n, figures),
			figure(fmt.Sprintf("idlegate_messages_total{from=\"upstream\",kind=\"heartbeat\",route=%q}", route), 0, figures))
	}
	return all
}

func figure(name string, want uint64, figures map[string]float64) check {
	got, ok := figures[name]
	return check{
		name: name, promised: fmt.Sprint(want), seen: fmt.Sprint(got), kept: ok && got == float64(want),
	}
}
