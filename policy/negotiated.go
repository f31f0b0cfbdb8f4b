package policy

import (
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Negotiated has idle_timeout follow what the two ends of a connection agree on.
type Negotiated struct {
	On  bool
	Min time.Duration // no connection has less than this; 0: any
	Max time.Duration // no connection has more than this; 0: any
}

// idleTimeout takes a duration, or {negotiated: true}.
func (p *Policy) idleTimeout() value {
	list := keys{
		{name: "negotiated", takes: boolean(&p.Negotiated.On), example: "true", doc: "`true`: what the two ends of a connection agree on"},
		{name: "min", takes: span{}.into(&p.Negotiated.Min), without: "none", doc: "the least, whatever they agree on"},
		{name: "max", takes: span{}.into(&p.Negotiated.Max), without: "none", doc: "the most, whatever they agree on"},
		{name: "otherwise", takes: duration(&p.IdleTimeout), without: "60s", doc: "where they agree on none, and before they do"},
	}
	mapped := mapping(list).then(func(c cursor) {
		if at := c.child("negotiated"); at.written() && !p.Negotiated.On {
			at.fail("must be true; for one idle_timeout of all connections, write that: {idle_timeout: 60s}")
		}
	})
	return either(duration(&p.IdleTimeout), mapped).printed(func() *yaml.Node {
		if !p.Negotiated.On {
			return duration(&p.IdleTimeout).node()
		}
		pairs := list.pairs()
		for i, d := range []time.Duration{1: p.Negotiated.Min, 2: p.Negotiated.Max} {
			if i > 0 && d == 0 {
				pairs[i].value = nil
			}
		}
		return flow(pairs...)
	})
}

// checkNegotiated reports bounds that no value meets.
func (c cursor) checkNegotiated(p *Policy) {
	n := p.Negotiated
	if at := c.child(string(TimerIdleTimeout)).child("min"); n.Max > 0 && n.Min > n.Max {
		at.fail("%s is more than max (%s)", units.FormatDuration(n.Min), units.FormatDuration(n.Max))
	}
}
