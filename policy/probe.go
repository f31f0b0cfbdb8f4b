package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Probe asks a silent client for a sign of life.
type Probe struct {
	After   time.Duration // of silence; 0: never
	Timeout time.Duration // for the answer
	Send    []byte        // the whole body of the question; empty: as the protocol knows it
	Expect  []byte        // the whole body of its answer
}

const standardProbeTimeout = 10 * time.Second

// probe takes {after: 45s}, or none.
func (p *Policy) probe() value {
	list := keys{
		{name: "after", takes: span{}.into(&p.Probe.After), example: "45s", doc: "of client silence, the gateway asks the client"},
		{name: "timeout", takes: span{}.into(&p.Probe.Timeout), without: "10s", doc: "for its answer, or any other message"},
		{name: "send", takes: byteString(&p.Probe.Send), without: "the heartbeat of the protocol", doc: "the whole body of the message that asks, in a framing"},
		{name: "expect", takes: byteString(&p.Probe.Expect), without: "its answer", doc: "the whole body of the answer, which is not passed on"},
	}
	v := mapping(list).then(func(c cursor) {
		if p.Probe.Timeout == 0 {
			p.Probe.Timeout = standardProbeTimeout
		}
		send, expect := c.child("send"), c.child("expect")
		switch {
		case send.written() && !expect.written():
			expect.fail("is missing; a message that asks needs one that answers, as in {send: {text: \"are you there\"}, expect: {text: \"yes\"}}")
		case expect.written() && !send.written():
			send.fail("is missing; an answer belongs to a message that asks, as in {send: {text: \"are you there\"}, expect: {text: \"yes\"}}")
		}
	})
	return either(noneOr("{after: 45s}"), v).printed(func() *yaml.Node {
		if p.Probe.After == 0 {
			return scalarNode(none)
		}
		return flow(list.pairs()...)
	})
}

// warnProbe warns of a probe that a fixed idle_timeout always forestalls.
func (c cursor) warnProbe(p *Policy) {
	limit, key := p.IdleTimeout, "idle_timeout"
	if p.Negotiated.On {
		limit, key = p.Negotiated.Max, "idle_timeout.max"
	}
	byUpstream := p.ResetOn == ResetOnUpstream || p.ResetOn == ResetOnEither
	if p.DryRun.All || p.Probe.After == 0 || limit == 0 || p.Probe.After < limit || byUpstream {
		return
	}
	c.child(string(TimerProbe)).child("after").warn("a probe after %s is never sent: %s (%s) ends the connection first",
		units.FormatDuration(p.Probe.After), key, units.FormatDuration(limit))
}
