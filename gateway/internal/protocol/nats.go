package protocol

import "bytes"

// NATS (docs.nats.io, "Client Protocol").
//
//	+------+-----------------------------+---------+---------+------+
//	| verb | blanks, arguments           | CR LF   | payload | CR LF|
//	+------+-----------------------------+---------+---------+------+
//	 PUB, HPUB, MSG, HMSG: the last argument is the payload's size
//
// Verbs are written in any case, and a line ends with LF. The server speaks first, INFO. Either side asks PING, and the other
// answers PONG: these are the heartbeats. A client also sends PING to learn that the server has taken what came before, so
// the gateway answers only one with nothing before it since the last that the server has seen. It probes by PING.
//
// PINGs that are passed on count as owed until the server's PONG, so that nothing comes between them.
type nats struct{ named }

// NewNATS returns the Protocol of NATS.
func NewNATS(o Options) Protocol { return &nats{newNamed(o)} }

// Limited implements Protocol.
func (p *nats) Limited(limit uint64) Protocol { return &nats{p.limited(limit)} }

const natsLine = 4096 // bytes of a line at most, as the server has it by default; those of INFO and CONNECT may be longer

// What a verb begins.
const (
	natsPlain   uint8 = 1 + iota // a line
	natsLong                     // a line that may be long
	natsPayload                  // a line and a payload
	natsPing
	natsPong
)

// natsVerbs are the verbs by direction. Each is followed by a blank or the end of the line.
var natsVerbs = [2][]struct {
	verb string
	kind uint8
}{
	FromClient: {
		{"PUB", natsPayload}, {"SUB", natsPlain}, {"UNSUB", natsPlain}, {"HPUB", natsPayload}, {"PING", natsPing}, {"PONG", natsPong},
		{"CONNECT", natsLong},
	},
	FromUpstream: {
		{"MSG", natsPayload}, {"HMSG", natsPayload}, {"PING", natsPing}, {"PONG", natsPong}, {"+OK", natsPlain}, {"-ERR", natsPlain},
		{"INFO", natsLong},
	},
}

// Stages of a State in endUnknown.
const (
	natsInLine  uint8 = iota // of a line that may be long: n is the count of its bytes
	natsAtEnd                // behind the payload
	natsAtEndLF              // between its CR and LF
)

// Facts of a Dialogue.
const natsUnflushed = 1 // the client has sent something after the last PING that the server has seen

// Scan implements Protocol.
func (p *nats) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	switch s.phase {
	case inPart:
		return p.payload(d, from, b, 0)
	case endUnknown:
		if s.stage == natsInLine {
			return p.longLine(d, from, b)
		}
		return p.end(d, from, b, 0)
	}
	kind, whole := natsVerb(from, b)
	switch {
	case kind == 0:
		return s.breaks(FaultNATSVerb)
	case !whole && p.maySwallow(d, from, b):
		return d.withhold(from)
	case !whole:
		return d.partial(from)
	case kind == natsLong:
		d.took(from)
		s.kind, s.stage, s.phase = kind, natsInLine, endUnknown
		return p.longLine(d, from, b)
	}
	return p.line(d, from, b, kind)
}

// natsVerb returns the kind of the verb at the start of b, 0 if there is none. Where it is not whole, it is one of those that
// it may become.
func natsVerb(from Direction, b []byte) (kind uint8, whole bool) {
	for _, row := range natsVerbs[from] {
		n := min(len(b), len(row.verb))
		if !bytes.EqualFold(b[:n], []byte(row.verb[:n])) {
			continue
		}
		if n == len(b) {
			return row.kind, false
		}
		switch b[n] {
		case ' ', '\t', '\r', '\n':
			return row.kind, true
		}
	}
	return 0, false
}

// line reads a line that must be whole.
func (p *nats) line(d *Dialogue, from Direction, b []byte, kind uint8) (int, Event) {
	s := &d.streams[from]
	n := bytes.IndexByte(b[:min(len(b), natsLine)], '\n') + 1
	switch {
	case n == 0 && len(b) >= natsLine:
		return s.breaks(FaultNATSLine)
	case n == 0 && p.swallows(d, from, kind):
		return d.withhold(from)
	case n == 0:
		return d.partial(from)
	case uint64(n) > p.limit:
		return s.breaks(FaultTooLarge)
	}
	s.kind = kind
	if kind != natsPayload {
		event := p.ended(d, from)
		d.took(from)
		return n, event
	}
	size, ok := natsSize(b[:n])
	switch {
	case !ok:
		return s.breaks(FaultNATSSize)
	case uint64(n)+size+2 > p.limit:
		return s.breaks(FaultTooLarge)
	}
	d.took(from)
	s.stage = natsAtEnd
	s.pass(size)
	return p.payload(d, from, b, n)
}

// natsSize returns the last argument of a line.
func natsSize(line []byte) (size uint64, ok bool) {
	line = bytes.TrimRight(line, " \t\r\n")
	digits := line[bytes.LastIndexAny(line, " \t")+1:]
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		size = size*10 + uint64(c-'0')
	}
	return size, true
}

// longLine goes on in a line that may be long.
func (p *nats) longLine(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	n := bytes.IndexByte(b, '\n') + 1
	took := n
	if n == 0 {
		took = len(b)
	}
	if s.n += uint64(took); s.n > p.limit {
		return s.breaks(FaultTooLarge)
	}
	if n == 0 {
		return took, None
	}
	return took, p.ended(d, from)
}

// payload goes on in the payload.
func (p *nats) payload(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	s.n, s.phase = 0, endUnknown
	return p.end(d, from, b, at)
}

// end reads what stands behind the payload.
func (p *nats) end(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	for ; at < len(b); at++ {
		want := byte('\r')
		if s.stage == natsAtEndLF {
			want = '\n'
		}
		if b[at] != want {
			return s.breaks(FaultNATSEnd)
		}
		if s.stage == natsAtEndLF {
			return at + 1, p.ended(d, from)
		}
		s.stage = natsAtEndLF
	}
	return at, None
}

// ended says what becomes of the message that is complete.
func (p *nats) ended(d *Dialogue, from Direction) Event {
	s := &d.streams[from]
	event := Message
	switch {
	case s.kind == natsPing && p.answers(d, from):
		event = Answer
	case s.kind == natsPong && d.awaitsAnswer(from):
		d.clear(probed)
		event = ProbeAnswer
	case s.kind == natsPing || s.kind == natsPong:
		event = Heartbeat
	}
	s.next()
	s.stage = natsInLine
	natsFlush(d, from, s.kind, event)
	return event
}

// natsFlush keeps account of PINGs that the server has to answer, and of what came after them.
func natsFlush(d *Dialogue, from Direction, kind uint8, event Event) {
	switch {
	case from == FromUpstream && kind == natsPong:
		d.pay()
	case from == FromUpstream || event == Answer || kind == natsPong:
	case kind == natsPing:
		d.owe()
		d.facts &^= natsUnflushed
	default:
		d.facts |= natsUnflushed
	}
}

// answers reports whether the gateway answers a PING that comes now.
func (p *nats) answers(d *Dialogue, from Direction) bool {
	return p.mayAnswer(d, from) && d.facts&natsUnflushed == 0 && d.streams[FromUpstream].kind != 0
}

// maySwallow reports whether a message that begins with b may be one that is kept from the upstream.
func (p *nats) maySwallow(d *Dialogue, from Direction, b []byte) bool {
	for _, row := range natsVerbs[from] {
		if len(b) <= len(row.verb) && bytes.EqualFold(b, []byte(row.verb[:len(b)])) && p.swallows(d, from, row.kind) {
			return true
		}
	}
	return false
}

// swallows reports whether a message of that kind, once whole, is kept from the upstream.
func (p *nats) swallows(d *Dialogue, from Direction, kind uint8) bool {
	return kind == natsPing && p.answers(d, from) || kind == natsPong && d.awaitsAnswer(from)
}

// Skip implements Protocol.
func (p *nats) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }

// Answer implements Answerer.
func (p *nats) Answer(dst, _ []byte) []byte { return append(dst, "PONG\r\n"...) }

// Probe implements Prober.
func (p *nats) Probe(d *Dialogue, dst []byte) []byte {
	if d.streams[FromUpstream].kind == 0 || !d.MayInsert(FromUpstream) { // the client has heard no INFO yet
		return dst
	}
	d.set(probed)
	return append(dst, "PING\r\n"...)
}

// Farewell implements Farewell.
func (p *nats) Farewell(d *Dialogue, _ Parting, dst []byte) []byte {
	if d.streams[FromUpstream].kind == 0 || !d.MayInsert(FromUpstream) {
		return dst
	}
	return append(dst, "-ERR 'Stale Connection'\r\n"...)
}
