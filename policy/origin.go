package policy

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Origin is where a value comes from. It is no part of what a Config means: Configs from different files can be the same.
type Origin struct {
	File    string
	Line    int    // from 1
	Default bool   // it is not written; File and Line are zero
	From    string // the key that stands there and that it follows from; "": it is written itself
}

// String is file:line, file:line, from key, or default.
func (o Origin) String() string {
	if o.Default {
		return "default"
	}
	if o.From != "" {
		return fmt.Sprintf("%s:%d, from %s", o.File, o.Line, o.From)
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Origin is where the value of a timer comes from.
func (p *Policy) Origin(t Timer) Origin { return p.written.origin(string(t)) }

// ResetOnOrigin is where the value of reset_on comes from.
func (p *Policy) ResetOnOrigin() Origin { return p.written.origin("reset_on") }

// DryRunOrigin is where it stands that a dry run watches a timer: its own line, or that of dry_run: true. It is a default
// where none watches it.
func (p *Policy) DryRunOrigin(t Timer) Origin {
	if p.DryRun.All && t != TimerWriteTimeout && t != TimerProbe {
		return p.written.origin("dry_run")
	}
	return p.written.origin("dry_run." + string(t))
}

// UserTimeoutOrigin is where the value of tcp.user_timeout comes from: where keepalive stands, if it follows from that.
func (r *Route) UserTimeoutOrigin() Origin {
	if _, written := r.tcp["user_timeout"]; !written && r.TCP.Keepalive.Idle > 0 {
		if from, ok := r.tcp["keepalive"]; ok {
			from.From = "keepalive"
			return from
		}
	}
	return r.tcp.origin("user_timeout")
}

// ConnectTimeoutOrigin is where the value of connect_timeout comes from.
func (u *Upstream) ConnectTimeoutOrigin() Origin { return u.written.origin("connect_timeout") }

// origins are where the keys of a mapping stand, and those in the mappings inside it, as dry_run.idle_timeout. They are
// never changed, so copies of a policy share them.
type origins map[string]Origin

func (written origins) origin(key string) Origin {
	if at, ok := written[key]; ok {
		return at
	}
	return Origin{Default: true}
}

// origins notes all that is written at c.
func (c cursor) origins() origins {
	all := origins{}
	all.note(c, "")
	return all
}

func (written origins) note(c cursor, above string) {
	if !c.written() || c.node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(c.node.Content); i += 2 {
		value := c.to(c.node.Content[i+1], "")
		key := above + c.node.Content[i].Value
		written[key] = Origin{File: c.r.file, Line: value.line}
		written.note(value, key+".")
	}
}
