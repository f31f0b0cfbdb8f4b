package policy

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// DryRun says which timers are only watched. Its durations are 0 where a timer is not in it.
type DryRun struct {
	All    bool                    // enforce none but write_timeout and tls_handshake_timeout, watch all
	Timers map[Timer]time.Duration // watched beside those in force
}

// dryRun takes true, false, or a mapping from timers of p's kind to durations.
func (p *Policy) dryRun() value {
	mapped := value{
		read: func(c cursor) {
			watched := &Policy{Kind: p.Kind}
			c.elsewhere = func(key string) string { return notWatched(key, p.Kind) }
			c.mapping(watched.watchable())
			p.DryRun = DryRun{Timers: watched.running()}
		},
		schema: func() schema { return (&Policy{Kind: p.Kind}).watchable().schema() },
	}
	return either(boolean(&p.DryRun.All), mapped).printed(p.dryRunNode)
}

// watchable are the timers that a dry run can have, which take their value in it.
func (p *Policy) watchable() (list keys) {
	for _, t := range p.timers() {
		if !t.unwatched {
			list = append(list, key{name: t.name, takes: span{}.into(t.value)})
		}
	}
	return list
}

// running are the timers that are not off, nil where there is none.
func (p *Policy) running() map[Timer]time.Duration {
	var all map[Timer]time.Duration
	for _, t := range p.timers() {
		if *t.value == 0 {
			continue
		}
		if all == nil {
			all = map[Timer]time.Duration{}
		}
		all[t.id()] = *t.value
	}
	return all
}

// notWatched is the advice about a timer that a dry run of that kind of policy does not have.
func notWatched(key string, kind Kind) string {
	switch Timer(key) {
	case TimerWriteTimeout, TimerTLSHandshakeTimeout:
		return "; " + key + " is always enforced"
	case TimerProbe:
		return "; a dry run sends no probe"
	}
	other := &Policy{Kind: Short}
	if kind == Short {
		other.Kind = Long
	}
	for _, t := range other.timers() {
		if key == t.name {
			return fmt.Sprintf("; only %s policies have it", other.Kind)
		}
	}
	return ""
}

func (p *Policy) dryRunNode() *yaml.Node {
	var pairs []pair
	for _, t := range p.timers() {
		if d := p.DryRun.Timers[t.id()]; d != 0 {
			pairs = append(pairs, pair{t.name, scalarNode(units.FormatDuration(d))})
		}
	}
	if len(pairs) > 0 {
		return flow(pairs...)
	}
	return boolNode(p.DryRun.All)
}
