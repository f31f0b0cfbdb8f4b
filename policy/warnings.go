package policy

import "slices"

// Warnings are what is allowed in the file but probably not meant, sorted as problems are.
func (c *Config) Warnings() []Problem { return slices.Clone(c.warnings) }

// warnUnbounded warns of every timer switched off that leaves connections without an end. A timer whose default is off
// is not among them: what it adds is never the only bound.
func (c cursor) warnUnbounded(p *Policy) {
	cure := "set max_lifetime"
	if p.Kind == Short {
		cure = "set deadline or write_deadline"
	}
	for _, t := range p.timers() {
		at := c.child(t.name)
		if harm := p.unbounded(t.id()); at.written() && *t.value == 0 && t.standard != "" && harm != "" {
			at.warn("none lets %s; to bound that, %s", harm, cure)
		}
	}
}

// unbounded says what may last for ever where a timer is off, "" where another one bounds it.
func (p *Policy) unbounded(off Timer) string {
	if p.Deadline > 0 || p.WriteDeadline > 0 || p.MaxLifetime > 0 {
		return ""
	}
	switch off {
	case TimerDeadline:
		return "a connection last for ever"
	case TimerIdleTimeout:
		return "a silent connection last for ever"
	case TimerMessageTimeout:
		if p.IdleTimeout > 0 { // it does not wait for a message that has no time limit
			return ""
		}
		return "a message that is never finished hold its connection for ever"
	case TimerWriteTimeout: // idle_timeout stands still while the client is not read
		return "a peer that takes no bytes hold its connection for ever"
	case TimerHalfCloseTimeout: // idle_timeout runs no more after the client's FIN
		return "a connection that one side has finished last for ever"
	}
	return ""
}
