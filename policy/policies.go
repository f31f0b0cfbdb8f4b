package policy

import (
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Policy holds the timers and reactions of a route. Durations that are 0 are off.
type Policy struct {
	Name string // "" for a policy written inside its route
	Kind Kind

	// Of short policies.
	Deadline      time.Duration
	ReadDeadline  time.Duration
	WriteDeadline time.Duration

	// Of long policies.
	IdleTimeout              time.Duration // where Negotiated is on, that of connections that agree on none
	Negotiated               Negotiated
	ResetOn                  ResetOn
	HeartbeatOnlyTimeout     time.Duration
	Probe                    Probe
	IdleInTransactionTimeout time.Duration
	MaxLifetime              time.Duration
	Heartbeat                Heartbeats

	// Of both.
	ReplyTimeout        time.Duration
	FirstMessageTimeout time.Duration
	MessageTimeout      time.Duration
	WriteTimeout        time.Duration
	HalfCloseTimeout    time.Duration
	TLSHandshakeTimeout time.Duration // applies only with TLS; a dry run enforces it, too
	Jitter              float64       // share of a time that is taken off at random, 0 to 1
	Close               Close
	Farewell            Farewell
	DryRun              DryRun

	written origins // nil for a policy that is from no file
}

// value takes a mapping with exactly one of short and long.
func (p *Policy) value() value {
	kind := func(k Kind) value {
		list := func() keys { return (&Policy{Kind: k}).keys() }
		return value{
			read:   func(c cursor) { c.timers(p, k) },
			schema: func() schema { return list().schema() },
			below:  list,
		}
	}
	list := keys{
		{name: Short.String(), takes: kind(Short), doc: "a connection that lasts for a set time, whatever it does"},
		{name: Long.String(), takes: kind(Long), doc: "a connection that lasts as long as it is alive"},
	}
	return oneOf(list.self)
}

// keys are those inside policies of p's kind.
func (p *Policy) keys() keys {
	var list keys
	for _, t := range p.timers() {
		list = append(list, t.key)
		if t.id() == TimerIdleTimeout {
			list = append(list, key{name: "reset_on", takes: p.resetOn(), without: "`client`, or `either` on `raw`",
				doc: "whose messages restart `idle_timeout`: `client`, `upstream` or `either`"})
		}
	}
	if p.Kind == Long {
		list = append(list, key{name: "heartbeat", takes: word(&p.Heartbeat), standard: "forward",
			doc: "`answer`: the gateway answers the heartbeats of clients itself, and the upstream never sees them; the protocol must know the answer"})
	}
	return append(list,
		key{name: "close", takes: word(&p.Close), standard: "fin",
			doc: "how a timer closes: `fin` first writes to the client what was read for it, `rst` resets at once"},
		key{name: "farewell", takes: p.farewell(), without: "none",
			doc: "what is written to the client before `fin`, at a message boundary where nothing is owed: `protocol`, the goodbye that the protocol has, or `{text: \"bye\\r\\n\"}`, these bytes. Also where a drain or the operator ends it"},
		key{name: "jitter", takes: percent(&p.Jitter), standard: "0%",
			doc: "each connection's `max_lifetime` and drain are shortened by a random share, up to this"},
		key{name: "dry_run", takes: p.dryRun(), standard: "false",
			doc: "`true`: no timer but `write_timeout` and `tls_handshake_timeout` closes anything; what would have ended is counted and logged. `{idle_timeout: 30s}`: these values are counted and logged, beside the timers in force"},
	)
}

// resetOn takes a word, and is left out of the effective file where the routes decide.
func (p *Policy) resetOn() value {
	return word(&p.ResetOn).printed(func() *yaml.Node {
		if p.ResetOn == 0 {
			return nil
		}
		return scalarNode(p.ResetOn.String())
	})
}

func (c cursor) policy(name string) *Policy {
	p := &Policy{Name: name}
	c.elsewhere = func(key string) string { return whereTimerBelongs(key, 0) }
	p.value().read(c)
	return p
}

func (c cursor) timers(p *Policy, kind Kind) {
	p.Kind, p.written = kind, c.origins()
	list := p.keys()
	list.setDefaults()
	c.elsewhere = func(key string) string { return whereTimerBelongs(key, kind) }
	c.mapping(list)
	if p.Deadline > 0 && p.Kind == Short {
		c.checkDeadline(TimerReadDeadline, p.ReadDeadline, p.Deadline)
		c.checkDeadline(TimerWriteDeadline, p.WriteDeadline, p.Deadline)
	}
	c.checkNegotiated(p)
	c.checkFarewell(p)
	c.warnUnbounded(p)
	c.warnNever(p)
	c.warnProbe(p)
}

func (c cursor) checkDeadline(key Timer, d, deadline time.Duration) {
	if d <= deadline {
		return
	}
	standard := ""
	if !c.child(string(TimerDeadline)).written() {
		standard = " by default"
	}
	c.child(string(key)).fail("%s is later than deadline (%s%s), which ends the connection first",
		units.FormatDuration(d), units.FormatDuration(deadline), standard)
}

// whereTimerBelongs is the advice about a key that policies have, but not at this place: directly in a policy (0), or in
// one kind of it.
func whereTimerBelongs(key string, at Kind) string {
	var kinds []string
	for _, kind := range []Kind{Short, Long} {
		p := &Policy{Kind: kind}
		if p.keys().find(key) != nil {
			kinds = append(kinds, kind.String())
		}
	}
	switch {
	case len(kinds) == 0:
		return ""
	case at == 0:
		return "; it belongs inside " + strings.Join(kinds, " or ")
	}
	return "; only " + kinds[0] + " policies have it"
}

// on is p as it acts on a protocol. It is a copy where p leaves reset_on to the protocol, since p may be shared.
func (p *Policy) on(protocol Protocol) *Policy {
	if p == nil || p.Kind != Long || p.ResetOn != 0 {
		return p
	}
	own := *p
	own.ResetOn = ResetOnClient
	if protocol.Traits().NoMessages {
		own.ResetOn = ResetOnEither
	}
	return &own
}

func (p *Policy) node() *yaml.Node {
	pairs := p.keys().pairs()
	if p.Kind == Long && p.ResetOn == 0 {
		pairs[0].value.LineComment = "reset_on: client, or either on a raw route"
	}
	return block(pair{p.Kind.String(), block(pairs...)})
}
