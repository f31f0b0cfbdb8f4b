package relay

import (
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// Farewell is what is written to a client before the gateway ends its connection.
type Farewell struct {
	Protocol bool   // what the protocol has for it
	Bytes    []byte // these; nil: nothing
}

// parting returns what a farewell says of a session that ends for cause; false where it says nothing: the peer has ended it, or
// takes nothing more.
func parting(cause session.Reason) (why protocol.Parting, ok bool) {
	switch cause {
	case session.IdleInTransaction:
		return protocol.TransactionStood, true
	case session.Drained, session.Shutdown, session.RouteRemoved, session.Killed:
		return protocol.Draining, true
	case session.IdleTimeout, session.FirstMessageTimeout, session.MessageTimeout, session.HeartbeatOnly, session.ProbeUnanswered,
		session.ReplyTimeout, session.MaxLifetime, session.Deadline, session.ReadDeadline, session.UpstreamStalled, session.HalfCloseTimeout:
		return protocol.TimedOut, true
	}
	return 0, false
}

// farewell writes the policy's farewell to the client of a session that ends for cause, where it would be understood: at a message
// boundary, with nothing owed. It goes behind what waits for the client, and is given up with that.
func (in *inserter) farewell(c *conn, cause session.Reason) {
	f, leg := &c.route.Farewell, &c.client
	why, ok := parting(cause)
	if !ok || leg.failed || leg.fd < 0 || c.session.FromUpstream.Passed || leg.unbuffered || c.isShaking(session.Client) {
		return
	}
	b := in.room[:0]
	if f.Protocol {
		if of, ok := c.rules().Protocol.(protocol.Farewell); ok {
			b = of.Farewell(&c.session.Talk, why, b)
		}
	} else if talk := &c.session.Talk; talk.MayInsert(protocol.FromUpstream) && !protocol.Owes(c.rules().Protocol, talk) {
		b = append(b, f.Bytes...)
	}
	in.room = b[:0]
	if len(b) > 0 {
		_ = in.loop.sendOwn(c, session.Client, b) // a client that is gone shows as such by itself
	}
}
