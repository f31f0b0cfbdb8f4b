package relay

import (
	"idlegate/gateway/internal/ledger"
)

// ask asks the client whether it is there, or tries again a while later where nothing of the gateway's own can be sent to it.
func (in *inserter) ask(c *conn) {
	if leg := &c.client; leg.failed || leg.hasPending() || c.session.FromUpstream.FIN || c.phase == dialling {
		c.session.AskLater(c.rules(), in.loop.now)
	} else {
		in.gathered = c.session.Ask(c.rules(), in.loop.now, in.gathered)
		in.send(c)
	}
	if c.isOpen() {
		in.loop.timers.rearm(c)
	}
}

// answered notes that the client's answer to a probe has come.
func (in *inserter) answered(c *conn) {
	count := in.loop.count(c)
	count.Probes[ledger.Answered]++
	if took, known := c.session.Answered(in.loop.now); known {
		count.ProbeTime.Observe(took)
	}
}
