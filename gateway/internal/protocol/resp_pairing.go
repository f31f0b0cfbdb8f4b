package protocol

// How requests of RESP are paired with replies.
//
// In RESP 3 SUBSCRIBE and the like have a push and no reply, but in a transaction, where +QUEUED is their reply. A transaction begins
// when the server grants MULTI, so what comes before its reply may be queued or not:
//
//	client    GET   MULTI   SUBSCRIBE   EXEC
//	server    $1 …  +OK     +QUEUED     *1 …
//	          $1 …  -ERR    >3 …        -ERR
//
// Which reply is MULTI's is known by counting the replies up to it, in the upper bits of Dialogue.facts. One MULTI at a time is
// followed. Where it is refused and something has relied on it, nothing is paired any more.

// Facts of a Dialogue.
const (
	respIs3     uint32 = 1 << iota // the server has sent what only RESP 3 has
	respInMulti                    // the client is between MULTI and EXEC
	respReplied                    // the server has replied to something
	respMayErr                     // an error may be the reply to SUBSCRIBE, in RESP 3
	respRelied                     // something has taken the MULTI that awaits its reply for granted

	respOneReply   // of those still to come up to MULTI's, that one included
	respMaxReplies = (1<<32 - 1) / respOneReply
)

// ended says what becomes of a message that is complete.
func (p *resp) ended(d *Dialogue, from Direction) Event {
	s := &d.streams[from]
	kind := s.kind
	s.next()
	s.kind, s.more, s.stage = respPlain, 0, respValue
	switch {
	case from == FromUpstream && kind == respPush:
		d.facts &^= respMayErr
		return Message
	case from == FromUpstream:
		p.replied(d, kind)
	case kind == respSync:
		d.set(opaque)
	case kind != respSilent:
		d.owe()
	}
	if kind == respPing {
		return Heartbeat
	}
	return Message
}

// replied notes a reply.
func (p *resp) replied(d *Dialogue, kind uint8) {
	d.facts |= respReplied
	if kind == respError && d.facts&respMayErr != 0 && d.owed > 0 {
		d.unpair() // whose it is cannot be told
	}
	if d.facts >= respOneReply {
		respTowardsMulti(d, kind)
	}
	if d.pay(); d.owed == 0 {
		d.facts &^= respMayErr
	}
}

// multi notes a request that begins a transaction if the server grants it.
func (p *resp) multi(d *Dialogue) {
	awaited, in := d.facts >= respOneReply, d.facts&respInMulti != 0
	switch {
	case d.Unpaired():
	case in && awaited: // the server refuses one of the two, which one is not known yet
		d.facts |= respRelied
		return
	case in: // this one is refused, the first one stands
		return
	case awaited && d.facts&respRelied != 0, d.owed >= respMaxReplies: // more than can be followed
		d.unpair()
	default:
		d.facts = d.facts%respOneReply | (d.owed+1)*respOneReply
	}
	d.facts |= respInMulti
}

// respTowardsMulti counts a reply of those up to MULTI's, and looks at that one.
func respTowardsMulti(d *Dialogue, kind uint8) {
	if d.facts -= respOneReply; d.facts >= respOneReply {
		return
	}
	if kind == respError {
		if d.facts&respRelied != 0 {
			d.unpair()
		}
		d.facts &^= respInMulti
	}
	d.facts &^= respRelied
}
