package protocol

import "bytes"

// Memcached (memcached's doc/protocol.txt and doc/protocol-binary.txt). A client whose first byte is 80 speaks the binary
// protocol (memcached_binary.go), any other the text protocol with its meta commands (memcached_text.go).
//
// A reply of several lines or packets (get, stats, lru_crawler metadump) is one message. Each request has one reply, unless it says noreply. After
// a quiet request (meta flag q, the binary opcodes that end in Q) and after watch requests and replies are paired no more.
//
// The heartbeats are mn and the binary no-op, and their replies. The gateway answers them where nothing is owed, once the
// server has replied to something.
type memcached struct{ named }

// NewMemcached returns the Protocol of memcached.
func NewMemcached(o Options) Protocol { return &memcached{newNamed(o)} }

// Limited implements Protocol.
func (p *memcached) Limited(limit uint64) Protocol { return &memcached{p.limited(limit)} }

// Stages of a Dialogue: which of the two the client speaks.
const (
	memcNew uint8 = iota
	memcText
	memcBinary
)

// Stages of a State in endUnknown.
const (
	memcBetween uint8 = iota // between the lines or packets of a reply
	memcDataEnd              // behind data, before its CR LF
)

// Kinds of messages.
const (
	memcPlain  uint8 = iota
	memcSilent       // a request without a reply
	memcNoop         // a heartbeat
	memcParts        // part of a reply that goes on
)

const (
	memcReplied = 1 // in the facts of a Dialogue: the server has replied to something
	memcErrs    = 2 // in the facts of a Dialogue: it may reply to a request that has no reply, with an error
	memcLine    = 8 << 10
	memcHeader  = 24
)

// Scan implements Protocol.
func (p *memcached) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if d.stage == memcNew && from == FromClient {
		if d.stage = memcText; b[0] == 0x80 {
			d.stage = memcBinary
		}
	}
	switch {
	case s.phase == inPart || s.phase == endKnown:
		return p.data(d, from, b, 0)
	case d.stage == memcNew:
		return s.breaks(FaultMemcachedFirst)
	case d.stage == memcBinary:
		return p.packet(d, from, b)
	case s.phase == endUnknown && s.stage == memcDataEnd:
		return p.dataEnd(d, from, b)
	}
	n := bytes.IndexByte(b[:min(len(b), memcLine)], '\n') + 1
	switch {
	case n == 0 && len(b) >= memcLine:
		return s.breaks(FaultMemcachedLine)
	case n == 0 && p.answersNoop(d, from) && bytes.HasPrefix([]byte("mn\r\n"), b):
		return d.withhold(from)
	case n == 0:
		return d.partial(from)
	case from == FromClient:
		return p.request(d, b, n)
	}
	return p.reply(d, b, n)
}

// answersNoop reports whether the gateway answers a no-op that comes now.
func (p *memcached) answersNoop(d *Dialogue, from Direction) bool {
	return p.mayAnswer(d, from) && !d.Unpaired() && d.facts&memcReplied != 0
}

// ended says what becomes of a message, or of the part of a reply, that is complete.
func (p *memcached) ended(d *Dialogue, from Direction) Event {
	s := &d.streams[from]
	kind := s.kind
	if kind == memcParts {
		s.n, s.phase, s.stage = 0, endUnknown, memcBetween
		return None
	}
	s.next()
	s.stage, s.kind = memcBetween, memcPlain
	switch {
	case from == FromUpstream:
		d.facts |= memcReplied
		d.pay()
	case kind != memcSilent:
		d.owe()
	}
	if kind == memcNoop {
		return Heartbeat
	}
	return Message
}

// Skip implements Protocol.
func (p *memcached) Skip(d *Dialogue, from Direction, n uint64) Event {
	s := &d.streams[from]
	if s.phase == endKnown && n == s.n && n > 0 {
		return p.ended(d, from)
	}
	return s.Skip(n)
}

// Answer implements Answerer.
func (p *memcached) Answer(dst, noop []byte) []byte {
	if noop[0] != memcAsks {
		return append(dst, "MN\r\n"...)
	}
	var reply [memcHeader]byte
	reply[0], reply[1] = memcSays, memcOpNoop
	copy(reply[12:16], noop[12:16]) // opaque, which is the client's
	return append(dst, reply[:]...)
}

// Farewell implements Farewell.
func (p *memcached) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != memcText || d.Unpaired() || !d.MayInsert(FromUpstream) {
		return dst
	}
	if why == Draining {
		return append(dst, "SERVER_ERROR shutting down\r\n"...)
	}
	return append(dst, "SERVER_ERROR idle timeout\r\n"...)
}
