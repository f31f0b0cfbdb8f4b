package policy

import (
	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// standardHold is how much of a first message is held where the file does not say.
const standardHold = 64 * units.KiB

// connectOn takes accept, first_message, or {first_message: {hold: 1MiB}}.
func (r *Route) connectOn() value {
	hold := keys{{name: "hold", takes: size(&r.Hold, 1, false), without: "64KiB",
		doc: "the longest first message; a longer one ends as `message_too_large`, whatever `limits.message_size` is"}}
	first := mapping(hold).then(func(cursor) { r.ConnectOn = ConnectOnFirstMessage })
	first.nested = false
	list := keys{{name: ConnectOnFirstMessage.String(), takes: first, doc: "as the word `first_message`, with what is held"}}
	return either(word(&r.ConnectOn), oneOf(list.self)).then(func(cursor) {
		if r.ConnectOn == ConnectOnFirstMessage && r.Hold == 0 {
			r.Hold = standardHold
		}
	}).printed(r.connectOnNode)
}

// checkHold reports first messages that could never be let through, and warns where hold was not chosen and bounds
// messages more than message_size does. On raw any bytes are a message.
func (r *Route) checkHold(c cursor, memory int64) {
	at := c.child("connect_on")
	hold := at.child(ConnectOnFirstMessage.String()).child("hold")
	switch {
	case r.ConnectOn != ConnectOnFirstMessage || r.Protocol.Framing == 0:
	case r.Protocol.Traits().NoMessages:
		if hold.written() {
			hold.fail("has no meaning on raw, which knows no messages; remove it")
		}
	case r.Hold > memory:
		at.fail("holds %s of a first message, more than gateway.buffer_memory (%s)", units.FormatSize(r.Hold), units.FormatSize(memory))
	case r.Protocol.smallest() > r.Hold:
		at.fail("the smallest message has %d bytes, more than first_message holds (%s); write it as in {first_message: {hold: %s}}",
			r.Protocol.smallest(), units.FormatSize(r.Hold), units.FormatSize(r.Protocol.smallest()))
	case !hold.written() && (r.Limits.MessageSize == 0 || r.Limits.MessageSize > r.Hold):
		at.warn("a first message of more than %s ends its connection as message_too_large, whatever message_size (%s) says; "+
			"to bound it otherwise, write {first_message: {hold: 1MiB}}", units.FormatSize(r.Hold), units.FormatSize(r.Limits.MessageSize))
	}
}

func (r *Route) connectOnNode() *yaml.Node {
	if r.ConnectOn != ConnectOnFirstMessage || r.Protocol.Traits().NoMessages {
		return scalarNode(r.ConnectOn.String())
	}
	return flow(pair{r.ConnectOn.String(), flow(pair{"hold", scalarNode(units.FormatSize(r.Hold))})})
}
