package relay

import (
	"idlegate/gateway/internal/ledger"
)

// ask asks the client whether it is there, or tries again a while later where nothing of the gateway's own can be sent to it.
func (l *Loop) ask(c *conn) {
	if leg := &c.client; leg.failed || leg.hasPending() || c.session.FromUpstream.FIN || c.phase == dialling {
		c.session.AskLater(c.rules(), l.now)
	} else {
		l.answers = c.session.Ask(c.rules(), l.now, l.answers)
		l.sendAnswers(c)
	}
	if c.isOpen() {
		l.rearm(c)
	}
}

// answered notes that the client's answer to a probe has come.
func (l *Loop) answered(c *conn) {
	count := l.count(c)
	count.Probes[ledger.Answered]++
	count.ProbeTime.Observe(c.session.Answered(l.now))
}
