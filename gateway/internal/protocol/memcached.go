package protocol

import (
	"bytes"
	"encoding/binary"
)

// Memcached (memcached's doc/protocol.txt and doc/protocol-binary.txt). A client whose first byte is 80 speaks the binary
// protocol, any other the text protocol with its meta commands.
//
//	text     set KEY FLAGS EXPTIME SIZE [noreply] CRLF data CRLF      STORED CRLF
//	         get KEY … CRLF                                           VALUE KEY FLAGS SIZE [CAS] CRLF data CRLF … END CRLF
//	meta     ms KEY SIZE FLAGS* CRLF data CRLF                        HD CRLF
//	         mg KEY FLAGS* CRLF                                       VA SIZE FLAGS* CRLF data CRLF
//
//	binary   0       1        2            4        5          6        8       12       16    24
//	         +-------+--------+------------+--------+----------+--------+-------+--------+-----+------+
//	         | magic | opcode | key length | extras | datatype | status | body  | opaque | CAS | body |
//	         +-------+--------+------------+--------+----------+--------+-------+--------+-----+------+
//	          80 request, 81 response                                    length
//
// A reply of several lines or packets (get, stats) is one message. Each request has one reply, unless it says noreply. After
// a quiet request (meta flag q, the binary opcodes that end in Q) requests and replies are paired no more.
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

// memcWords are the words of a line: all, at most eight, and the last.
type memcWords struct {
	words [8][]byte
	count int
	last  []byte
	quiet bool // one behind the second is q, or begins so: in a meta command, a flag
}

func memcSplit(line []byte) (w memcWords) {
	for rest := line; ; {
		rest = bytes.TrimLeft(rest, " \r\n")
		if len(rest) == 0 {
			return w
		}
		end := bytes.IndexAny(rest, " \r\n")
		w.last = rest[:end]
		w.quiet = w.quiet || w.count >= 2 && w.last[0] == 'q'
		if w.count < len(w.words) {
			w.words[w.count] = w.last
			w.count++
		}
		rest = rest[end:]
	}
}

func (w *memcWords) is(word string) bool { return string(w.words[0]) == word }

// number returns a word that is a number of 9 digits at most.
func (w *memcWords) number(i int) (n uint64, ok bool) {
	if i >= w.count {
		return 0, false
	}
	n, rest := readDigits(w.words[i])
	return n, len(rest) == 0 && len(w.words[i]) > 0
}

// request reads a line of the client.
func (p *memcached) request(d *Dialogue, b []byte, n int) (int, Event) {
	s := &d.streams[FromClient]
	w := memcSplit(b[:n])
	size, data := -1, 0
	switch string(w.words[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
		data = 4
	case "ms":
		data = 2
	}
	if data > 0 {
		number, ok := w.number(data)
		if !ok { // the server refuses the line, and takes what follows for commands
			return s.breaks(FaultMemcachedSize)
		}
		size = int(number)
	}
	answer := w.is("mn") && w.count == 1 && p.answersNoop(d, FromClient)
	d.took(FromClient)
	s.kind = p.learn(d, &w)
	switch {
	case uint64(n+max(size, -2)+2) > p.limit:
		return s.breaks(FaultTooLarge)
	case answer:
		return n, Answer
	case size < 0:
		return n, p.ended(d, FromClient)
	}
	s.stage = memcDataEnd
	s.pass(uint64(size))
	return p.data(d, FromClient, b, n)
}

// learn notes what a request means for what follows, and returns its kind.
func (p *memcached) learn(d *Dialogue, w *memcWords) uint8 {
	switch string(w.words[0]) {
	case "mn":
		return memcNoop
	case "quit":
		return memcSilent
	case "":
		d.facts |= memcErrs
		return memcSilent
	case "ms", "mg", "md", "ma":
		if w.quiet {
			d.unpair()
		}
		return memcPlain
	case "get", "gets", "gat", "gats", "me": // their last word is a key
		return memcPlain
	}
	if string(w.last) == "noreply" {
		d.facts |= memcErrs
		return memcSilent
	}
	return memcPlain
}

// reply reads a line of the server.
func (p *memcached) reply(d *Dialogue, b []byte, n int) (int, Event) {
	s := &d.streams[FromUpstream]
	if s.phase == between {
		s.more = 0
	}
	w := memcSplit(b[:n])
	size, goesOn := -1, false
	var ok bool
	switch string(w.words[0]) {
	case "VALUE", "VA":
		at := 1
		if goesOn = w.is("VALUE"); goesOn {
			at = 3
		}
		number, sound := w.number(at)
		size, ok = int(number), sound
	case "ERROR", "CLIENT_ERROR", "SERVER_ERROR":
		if ok = true; d.facts&memcErrs != 0 { // it cannot be told to which of them
			d.unpair()
		}
	case "STAT", "ITEM", "PREFIX":
		goesOn, ok = true, true
	default:
		ok = true
	}
	if !ok {
		return s.breaks(FaultMemcachedSize)
	}
	d.took(FromUpstream)
	if s.more += uint64(n + max(size, -2) + 2); s.more > p.limit {
		return s.breaks(FaultTooLarge)
	}
	if s.kind = memcPlain; goesOn {
		s.kind = memcParts
	} else if w.is("MN") {
		s.kind = memcNoop
	}
	if size < 0 {
		return n, p.ended(d, FromUpstream)
	}
	s.stage = memcDataEnd
	s.pass(uint64(size))
	return p.data(d, FromUpstream, b, n)
}

// data goes on in data, or in the body of a packet.
func (p *memcached) data(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	if s.phase == endKnown {
		return at, p.ended(d, from)
	}
	s.n, s.phase = 0, endUnknown
	return at, None
}

// dataEnd reads the CR LF behind data.
func (p *memcached) dataEnd(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	n, m := compare(b, []byte("\r\n"))
	switch m {
	case agrees:
		return d.partial(from)
	case differs:
		return s.breaks(FaultMemcachedData)
	}
	d.took(from)
	return n, p.ended(d, from)
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

// The binary protocol.
const (
	memcAsks   = 0x80
	memcSays   = 0x81
	memcOpNoop = 0x0a
	memcOpStat = 0x10
)

// memcQuiet are the opcodes whose replies may be missing.
const memcQuiet = 1<<0x09 | 1<<0x0d | 0x7f<<0x11 | 1<<0x1e | 1<<0x24 // GetQ, GetKQ, SetQ to FlushQ, and GATQ, GATKQ

// packet reads the header of a packet.
func (p *memcached) packet(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	magic := byte(memcAsks)
	if from == FromUpstream {
		magic = memcSays
	}
	switch {
	case b[0] != magic:
		return s.breaks(FaultMemcachedMagic)
	case len(b) < memcHeader && p.answersNoop(d, from) && (len(b) == 1 || b[1] == memcOpNoop):
		return d.withhold(from)
	case len(b) < memcHeader:
		return d.partial(from)
	}
	op, body := b[1], uint64(binary.BigEndian.Uint32(b[8:]))
	if least := uint64(binary.BigEndian.Uint16(b[2:])) + uint64(b[4]); body < least {
		return s.breaks(FaultMemcachedSize)
	}
	if s.phase == between {
		s.more = 0
	}
	if s.more += memcHeader + body; s.more > p.limit {
		return s.breaks(FaultTooLarge)
	}
	answer := op == memcOpNoop && body == 0 && p.answersNoop(d, from)
	d.took(from)
	if answer {
		return memcHeader, Answer
	}
	s.kind = memcPlain
	switch {
	case op == memcOpNoop:
		s.kind = memcNoop
	case from == FromUpstream && op == memcOpStat && body > 0 && binary.BigEndian.Uint16(b[6:]) == 0:
		s.kind = memcParts
	case from == FromClient && op < 64 && memcQuiet&(1<<op) != 0:
		d.unpair()
	}
	s.n, s.phase = body, endKnown
	return p.data(d, from, b, memcHeader)
}
