package protocol

import "bytes"

// FIX 4.x and FIXT 1.1 in tag=value encoding (FIX Trading Community, "FIX TagValue Encoding", sections 4 and 7). SOH is 01.
//
//	+-------------+-----+-------+-----+---------------------------+------------+
//	| 8=FIX.4.4   | SOH | 9=LEN | SOH | 35=type SOH … SOH         | 10=nnn SOH |
//	+-------------+-----+-------+-----+---------------------------+------------+
//	                                   ├───── LEN bytes ─────────┤  7 bytes
//
// Heartbeat (35=0) and Test Request (35=1) are heartbeats. Logon (35=A) agrees on their interval in tag 108, in seconds. A
// counterparty gives a silent one up after the interval, a little more for the Test Request, and another interval: a
// negotiated idle_timeout is 2.4 times the interval of the client's Logon.
//
// Messages are numbered, so that nothing can be put between them: no answers, no probes, no farewell.
//
// The checksum is left to the ends. In endUnknown a State is at the trailer.
type fix struct{ named }

// NewFIX returns the Protocol of FIX.
func NewFIX(o Options) Protocol { return &fix{newNamed(o)} }

// Limited implements Protocol.
func (p *fix) Limited(limit uint64) Protocol { return &fix{p.limited(limit)} }

const (
	soh         = '\x01'
	fixTrailer  = 7
	fixVersion  = 16 // bytes of a version at most
	fixTypeSize = 16 // bytes of a message's type at most
)

// Scan implements Protocol. State.kind is the first byte of the type of the message under way.
func (p *fix) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == inPart:
		return p.body(d, from, b, 0)
	case s.phase == endUnknown:
		return p.trailer(d, from, b)
	}
	size, header, fault := fixHeader(b)
	switch {
	case fault != NoFault:
		return s.breaks(fault)
	case header == 0:
		return d.partial(from)
	case uint64(header)+size+fixTrailer > p.limit:
		return s.breaks(FaultTooLarge)
	}
	body := b[header:min(uint64(len(b)), uint64(header)+size)]
	kind, fault := fixType(body, size)
	switch {
	case fault != NoFault:
		return s.breaks(fault)
	case kind == 0:
		return d.partial(from)
	case kind == 'A' && from == FromClient && size < MaxAgain/2 && uint64(len(body)) < size:
		return d.partial(from)
	case kind == 'A' && from == FromClient:
		fixNegotiate(d, body)
	}
	d.took(from)
	s.kind = kind
	s.pass(size)
	return p.body(d, from, b, header)
}

// fixHeader reads 8 and 9. A header of 0 bytes is one that is not whole.
func fixHeader(b []byte) (size uint64, header int, fault Fault) {
	const begin = "8=FIX"
	if _, m := compare(b, []byte(begin)); m != equals {
		if m == differs {
			fault = FaultFIXBegin
		}
		return 0, 0, fault
	}
	end := bytes.IndexByte(b, soh)
	switch {
	case end < 0 && len(b) < fixVersion:
		return 0, 0, NoFault
	case end < 0 || end >= fixVersion:
		return 0, 0, FaultFIXBegin
	}
	field := b[end+1:]
	if _, m := compare(field, []byte("9=")); m != equals {
		if m == differs {
			fault = FaultFIXBegin
		}
		return 0, 0, fault
	}
	digits := 0
	for i, c := range field[2:] {
		switch {
		case c == soh && digits > 0:
			return size, end + 1 + 2 + i + 1, NoFault
		case c < '0' || c > '9' || digits == 9:
			return 0, 0, FaultFIXLength
		}
		size = size*10 + uint64(c-'0')
		digits++
	}
	return 0, 0, NoFault
}

// fixType reads the type at the start of a body, of which size bytes come in all. 0: it is not whole. Types of more than
// one byte are told by their first with the highest bit set.
func fixType(body []byte, size uint64) (kind byte, fault Fault) {
	const field = "35="
	if size < uint64(len(field))+2 {
		return 0, FaultFIXLength
	}
	_, m := compare(body, []byte(field))
	end := bytes.IndexByte(body, soh)
	switch {
	case m == differs || end == len(field) || end > fixTypeSize || end < 0 && len(body) > fixTypeSize:
		return 0, FaultFIXType
	case end < 0 && uint64(len(body)) == size:
		return 0, FaultFIXLength
	case end < 0:
		return 0, NoFault
	case end == len(field)+1:
		return body[len(field)] &^ 0x80, NoFault
	}
	return body[len(field)] | 0x80, NoFault
}

// fixNegotiate reads HeartBtInt in a Logon.
func fixNegotiate(d *Dialogue, body []byte) {
	_, value, found := bytes.Cut(body, []byte("\x01108="))
	seconds, rest := readDigits(value[:min(len(value), 7)])
	if found && len(rest) > 0 && rest[0] == soh {
		d.keepalive = uint32(seconds) * 2400
	}
}

// body goes on in the body.
func (p *fix) body(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	s.n, s.phase, s.pos = 0, endUnknown, 0
	if at == len(b) {
		return at, None
	}
	n, event := p.trailer(d, from, b[at:])
	if event.Broken() {
		return 0, event
	}
	return at + n, event
}

// trailer reads 10, of which pos bytes have been read.
func (p *fix) trailer(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	const form = "10=ddd\x01"
	for i, c := range b {
		if want := form[s.pos]; want == 'd' && (c < '0' || c > '9') || want != 'd' && c != want {
			return s.breaks(FaultFIXTrailer)
		}
		if s.pos++; s.pos < fixTrailer {
			continue
		}
		s.next()
		if s.kind == '0' || s.kind == '1' {
			return i + 1, Heartbeat
		}
		return i + 1, Message
	}
	return len(b), None
}

// Skip implements Protocol.
func (p *fix) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }
