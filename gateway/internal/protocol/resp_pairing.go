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
// It ends when the server grants DISCARD or RESET, and with EXEC, which ends it also where it is refused (-EXECABORT). The last MULTI,
// DISCARD or RESET that awaits its reply is taken to be granted. Which reply is its is known by counting those up to it, in the upper bits of
// Dialogue.facts. Where it is refused and something has relied on it, or on one before it, nothing is paired any more.

// Facts of a Dialogue.
const (
	respIs3     uint32 = 1 << iota // the server has sent what only RESP 3 has
	respInMulti                    // the client is between MULTI and EXEC
	respReplied                    // the server has replied to something
	respMayErr                     // an error may be the reply to SUBSCRIBE, in RESP 3
	respEnding                     // what awaits its reply is DISCARD or RESET, in a transaction; else it is MULTI
	respRelied                     // something has taken what awaits its reply for granted

	respOneReply   // of those still to come up to the one that is awaited, that one included
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
		respCountReply(d, kind)
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
	case in: // this one is refused, the first one stands
	case awaited && d.facts&respEnding != 0: // refused if that is
		respAwait(d, respInMulti|respRelied)
	case awaited && d.facts&respRelied != 0: // more than can be followed
		d.unpair()
	default:
		respAwait(d, respInMulti)
	}
}

// discard notes a request that ends a transaction if the server grants it: DISCARD or RESET.
func (p *resp) discard(d *Dialogue) {
	awaited, in := d.facts >= respOneReply, d.facts&respInMulti != 0
	switch {
	case d.Unpaired():
	case in && awaited: // refused if MULTI is
		respAwait(d, respEnding|respRelied)
	case in:
		respAwait(d, respEnding)
	case awaited: // there is nothing to end, unless what is awaited is refused
		d.facts |= respRelied
	}
}

// exec notes a request that ends a transaction, granted or not.
func (p *resp) exec(d *Dialogue) {
	d.facts &^= respInMulti
	if d.facts&(respEnding|respRelied) == respEnding { // what becomes of the DISCARD before it is the same to all that follows
		d.facts = d.facts % respOneReply &^ respEnding
	}
}

// respAwait notes that a MULTI, DISCARD or RESET awaits its reply, and what holds until that comes.
func respAwait(d *Dialogue, facts uint32) {
	if d.owed >= respMaxReplies { // more than can be followed
		d.unpair()
		return
	}
	d.facts = d.facts%respOneReply&^(respInMulti|respEnding|respRelied) | facts | (d.owed+1)*respOneReply
}

// respCountReply counts a reply of those up to the one that is awaited, and looks at that one.
func respCountReply(d *Dialogue, kind uint8) {
	if d.facts -= respOneReply; d.facts >= respOneReply {
		return
	}
	switch {
	case kind != respError:
	case d.facts&respRelied != 0:
		d.unpair()
	case d.facts&respEnding != 0:
		d.facts |= respInMulti
	default:
		d.facts &^= respInMulti
	}
	d.facts &^= respEnding | respRelied
}
