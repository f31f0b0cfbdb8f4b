package policy

import (
	"fmt"
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
	IdleTimeout time.Duration
	ResetOn     ResetOn
	MaxLifetime time.Duration

	// Of both.
	FirstMessageTimeout time.Duration
	MessageTimeout      time.Duration
	WriteTimeout        time.Duration
	HalfCloseTimeout    time.Duration
	Jitter              float64 // share of a time that is taken off at random, 0 to 1
	Close               Close
	DryRun              DryRun

	written origins // nil for a policy that is from no file
}

// DryRun says which timers are only watched. Its durations are 0 where a timer is not in it.
type DryRun struct {
	All    bool                    // enforce none but write_timeout, watch all
	Timers map[Timer]time.Duration // watched beside those in force
}

// Timer is the YAML key of one timer of a policy.
type Timer string

const (
	TimerDeadline            Timer = "deadline"
	TimerReadDeadline        Timer = "read_deadline"
	TimerWriteDeadline       Timer = "write_deadline"
	TimerIdleTimeout         Timer = "idle_timeout"
	TimerFirstMessageTimeout Timer = "first_message_timeout"
	TimerMessageTimeout      Timer = "message_timeout"
	TimerMaxLifetime         Timer = "max_lifetime"
	TimerWriteTimeout        Timer = "write_timeout"
	TimerHalfCloseTimeout    Timer = "half_close_timeout"
)

// timer is one timer of a policy: its key, where its value is, and its default, 0 for off.
type timer struct {
	key      Timer
	value    *time.Duration
	standard time.Duration
}

// NamedTimer is one timer with its value.
type NamedTimer struct {
	Key      Timer
	Duration time.Duration // 0: off
}

// Has reports whether policies of p's kind have t.
func (p *Policy) Has(t Timer) bool {
	for _, own := range p.timers() {
		if own.key == t {
			return true
		}
	}
	return false
}

// Timers are those that policies of p's kind have, in the order in which they are printed.
func (p *Policy) Timers() []NamedTimer {
	var all []NamedTimer
	for _, t := range p.timers() {
		all = append(all, NamedTimer{t.key, *t.value})
	}
	return all
}

// timers are those of Timers.
func (p *Policy) timers() []timer {
	own := []timer{
		{TimerIdleTimeout, &p.IdleTimeout, time.Minute},
		{TimerMaxLifetime, &p.MaxLifetime, 0},
	}
	if p.Kind == Short {
		own = []timer{
			{TimerDeadline, &p.Deadline, 10 * time.Second},
			{TimerReadDeadline, &p.ReadDeadline, 0},
			{TimerWriteDeadline, &p.WriteDeadline, 0},
		}
	}
	return append(own,
		timer{TimerFirstMessageTimeout, &p.FirstMessageTimeout, 0},
		timer{TimerMessageTimeout, &p.MessageTimeout, 10 * time.Second},
		timer{TimerWriteTimeout, &p.WriteTimeout, 30 * time.Second},
		timer{TimerHalfCloseTimeout, &p.HalfCloseTimeout, time.Minute},
	)
}

// grammar is that of policies of p's kind, and reads into p.
func (p *Policy) grammar() keys {
	grammar := keys{
		"close":   word(&p.Close),
		"jitter":  percent(&p.Jitter),
		"dry_run": func(c cursor) { p.DryRun = c.dryRun(p.Kind) },
	}
	if p.Kind == Long {
		grammar["reset_on"] = word(&p.ResetOn)
	}
	for _, t := range p.timers() {
		grammar[string(t.key)] = duration(t.value)
	}
	return grammar
}

// policy reads a mapping with exactly one of short and long.
func (c cursor) policy(name string) *Policy {
	p := &Policy{Name: name}
	c.elsewhere = func(key string) string { return whereTimerBelongs(key, 0) }
	c.choice(keys{
		"short": func(c cursor) { c.timers(p, Short) },
		"long":  func(c cursor) { c.timers(p, Long) },
	})
	return p
}

func (c cursor) timers(p *Policy, kind Kind) {
	p.Kind, p.written = kind, c.origins()
	for _, t := range p.timers() {
		*t.value = t.standard
	}
	c.elsewhere = func(key string) string { return whereTimerBelongs(key, kind) }
	c.mapping(p.grammar())
	if p.Deadline > 0 && p.Kind == Short {
		c.checkDeadline(TimerReadDeadline, p.ReadDeadline, p.Deadline)
		c.checkDeadline(TimerWriteDeadline, p.WriteDeadline, p.Deadline)
	}
	c.warnUnbounded(p)
	c.warnNever(p)
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
		if _, ok := p.grammar()[key]; ok {
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

// dryRun reads true, false, or a mapping from timers of that kind of policy to durations.
func (c cursor) dryRun(kind Kind) DryRun {
	var d DryRun
	if c.node.Kind != yaml.MappingNode {
		boolean(&d.All)(c)
		return d
	}
	var watched Policy
	watched.Kind = kind
	grammar := keys{}
	for _, t := range watched.timers() {
		grammar[string(t.key)] = span{}.into(t.value)
	}
	delete(grammar, string(TimerWriteTimeout))
	c.elsewhere = func(key string) string { return notWatched(key, kind) }
	c.mapping(grammar)
	for _, t := range watched.timers() {
		if *t.value == 0 {
			continue
		}
		if d.Timers == nil {
			d.Timers = map[Timer]time.Duration{}
		}
		d.Timers[t.key] = *t.value
	}
	return d
}

// notWatched is the advice about a timer that a dry run of that kind of policy does not have.
func notWatched(key string, kind Kind) string {
	if key == string(TimerWriteTimeout) {
		return "; write_timeout is always enforced"
	}
	other := &Policy{Kind: Short}
	if kind == Short {
		other.Kind = Long
	}
	for _, t := range other.timers() {
		if key == string(t.key) {
			return fmt.Sprintf("; only %s policies have it", other.Kind)
		}
	}
	return ""
}

// on is p as it acts on a protocol. It is a copy where p leaves reset_on to the protocol, since p may be shared.
func (p *Policy) on(protocol Protocol) *Policy {
	if p == nil || p.Kind != Long || p.ResetOn != 0 {
		return p
	}
	own := *p
	own.ResetOn = ResetOnClient
	if protocol.Framing == Raw {
		own.ResetOn = ResetOnEither
	}
	return &own
}

func policyNodes(policies []*Policy) *yaml.Node {
	var pairs []pair
	for _, p := range policies {
		pairs = append(pairs, pair{p.Name, p.node()})
	}
	return block(pairs...)
}

func (p *Policy) node() *yaml.Node {
	var pairs []pair
	for _, t := range p.timers() {
		value := scalarNode(units.FormatDuration(*t.value))
		pairs = append(pairs, pair{string(t.key), value})
		switch {
		case t.key != TimerIdleTimeout:
		case p.ResetOn == 0:
			value.LineComment = "reset_on: client, or either on a raw route"
		default:
			pairs = append(pairs, pair{"reset_on", scalarNode(p.ResetOn.String())})
		}
	}
	pairs = append(pairs,
		pair{"close", scalarNode(p.Close.String())},
		pair{"jitter", scalarNode(units.FormatPercent(p.Jitter))},
		pair{"dry_run", p.dryRunNode()},
	)
	return block(pair{p.Kind.String(), block(pairs...)})
}

func (p *Policy) dryRunNode() *yaml.Node {
	var pairs []pair
	for _, t := range p.timers() {
		if d := p.DryRun.Timers[t.key]; d != 0 {
			pairs = append(pairs, pair{string(t.key), scalarNode(units.FormatDuration(d))})
		}
	}
	if len(pairs) > 0 {
		return flow(pairs...)
	}
	return boolNode(p.DryRun.All)
}
