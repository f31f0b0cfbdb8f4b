package policy

import (
	"bytes"

	"gopkg.in/yaml.v3"

	"idlegate/policy/units"
)

// Heartbeat is a message of a general framing that only says 'I am here'.
type Heartbeat struct {
	Match  []byte // the whole body of the heartbeat; empty: none is known
	Answer []byte // the whole body of its answer; empty: it has none
}

// maxHeartbeat is what a heartbeat with all that frames it must be shorter than, in bytes: it is looked at whole.
const maxHeartbeat = 16 * units.KiB

func (h *Heartbeat) keys() keys {
	return keys{
		{name: "match", takes: byteString(&h.Match), example: `{text: "ping"}`, doc: "the whole body of the heartbeat: what comes after the header, without the delimiter"},
		{name: "answer", takes: byteString(&h.Answer), without: "none", doc: "the whole body of its answer, which `heartbeat: answer` in a policy needs"},
	}
}

// heartbeatKey stands beside the framing in a protocol.
func (p *Protocol) heartbeatKey() key {
	takes := mapping(p.Heartbeat.keys())
	takes.nested = false
	return key{name: "heartbeat", takes: takes, doc: "the message that only says 'I am here', in both directions"}
}

func (p *Protocol) heartbeatNode() *yaml.Node {
	if len(p.Heartbeat.Match) == 0 {
		return nil
	}
	return flow(p.Heartbeat.keys().pairs()...)
}

// checkHeartbeat reports heartbeats that the framings cannot have, and a policy that answers where there is no answer.
func (r *Route) checkHeartbeat(c cursor) {
	written := c.child("protocol").child("heartbeat")
	switch {
	case !r.hasMessages() || r.UpstreamProtocol.Traits().NoMessages || r.Protocol.Traits().NoMessages:
		if written.written() {
			written.fail("has no meaning on raw, which knows no messages; remove it")
		}
	default:
		r.Protocol.checkBodies(written, r.Protocol.Heartbeat)
		if c.child("upstream_protocol").written() {
			r.UpstreamProtocol.checkBodies(written, r.Protocol.Heartbeat)
		}
	}
	r.checkAnswer(c.child("policy"))
}

func (r *Route) checkAnswer(at cursor) {
	traits := r.Protocol.Traits()
	if r.Policy == nil || r.Policy.Heartbeat == HeartbeatForward || len(r.Protocol.Heartbeat.Answer) > 0 || traits.Named && traits.Answerable {
		return
	}
	word := "its heartbeat: answer"
	if inline := at.child(Long.String()).child("heartbeat"); inline.written() {
		at, word = inline, "answer"
	}
	if r.Protocol.Traits().NoMessages {
		at.fail("%s has no meaning on raw, which knows no messages", word)
		return
	}
	if traits.Named {
		at.fail("%s is not possible in %s: %s", word, traits.Name, traits.Unanswerable)
		return
	}
	at.fail(`%s needs an answer in the protocol of the route, as in {%s: ..., heartbeat: {match: {text: "ping"}, answer: {text: "pong"}}}`,
		word, r.Protocol.Framing)
}

func (p Protocol) checkBodies(c cursor, h Heartbeat) {
	p.checkBody(c.child("match"), h.Match)
	p.checkBody(c.child("answer"), h.Answer)
}

// checkBody reports a body that no message of p can have.
func (p Protocol) checkBody(c cursor, body []byte) {
	if len(body) == 0 {
		return // reported already, or not written
	}
	size := int64(len(body)) + p.smallest()
	switch p.Framing {
	case Fixed:
		if size = p.FixedSize; int64(len(body)) != size {
			c.fail("has %d bytes where every message of fixed has %d", len(body), size)
			return
		}
	case Delimiter:
		if bytes.Index(append(bytes.Clone(body), p.Delimiter...), p.Delimiter) < len(body) {
			c.fail("contains the delimiter, or begins it")
			return
		}
	case LengthField:
		l := p.LengthField
		value, most := int64(len(body))-min(l.Adjustment, 0), uint64(1)<<(8*min(l.Size, 7))-1
		if l.Size < 8 && uint64(value) > most {
			c.fail("has a length of %d, which does not fit in a length field of size %d", value, l.Size)
			return
		}
	}
	if size >= maxHeartbeat {
		c.fail("makes a message of %d bytes with what frames it; a heartbeat must have less than %s", size, units.FormatSize(maxHeartbeat))
	}
}
