package protocol

import "bytes"

// STOMP 1.0 to 1.2 (stomp.github.io, "STOMP Protocol Specification, Version 1.2").
//
//	+---------+-----+--------------+-----+--------+-----+
//	| command | EOL | name:value   | EOL | body   | NUL |
//	|         |     | EOL, and so on     |        |     |
//	+---------+-----+--------------+-----+--------+-----+
//	 EOL is LF or CR LF; the body has content-length bytes, or goes to the first NUL
//
// An EOL between two frames is a heartbeat, also the one that RabbitMQ writes behind each frame (its stomp.trailing_lf): what
// comes next could not be told from it. The headers heart-beat of CONNECT and CONNECTED agree on how often the client
// sends one: "cx,cy" of the client and "sx,sy" of the server give max(cx, sy) milliseconds, and none if one of the two is
// 0. A negotiated idle_timeout is twice that, as ActiveMQ has it. The gateway answers no heartbeat, since each side watches
// the other.
//
// Dialogue.facts keeps cx until the server has answered. In endUnknown a State is in the body of a frame without a
// content-length, or behind one with it.
type stomp struct{ named }

// NewSTOMP returns the Protocol of STOMP.
func NewSTOMP(o Options) Protocol { return &stomp{newNamed(o)} }

// Limited implements Protocol.
func (p *stomp) Limited(limit uint64) Protocol { return &stomp{p.limited(limit)} }

var stompCommands = [2][]string{
	FromClient:   {"SEND", "SUBSCRIBE", "UNSUBSCRIBE", "BEGIN", "COMMIT", "ABORT", "ACK", "NACK", "DISCONNECT", "CONNECT", "STOMP"},
	FromUpstream: {"CONNECTED", "MESSAGE", "RECEIPT", "ERROR"},
}

// Stages of a Dialogue.
const (
	stompNew       uint8 = iota
	stompConnected       // the server has sent CONNECTED
)

// Stages of a State in endUnknown.
const (
	stompToNUL uint8 = iota // the body ends with the first NUL: n is the size so far
	stompAtNUL              // the body is over
)

// Scan implements Protocol.
func (p *stomp) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == inPart:
		return p.body(s, b, 0)
	case s.phase == endUnknown && s.stage == stompToNUL:
		return p.toNUL(s, b, 0)
	case s.phase == endUnknown:
		return p.end(s, b, 0)
	case b[0] == '\n':
		d.took(from)
		return 1, Heartbeat
	case b[0] == '\r' && len(b) == 1:
		return d.partial(from)
	case b[0] == '\r' && b[1] == '\n':
		d.took(from)
		return 2, Heartbeat
	case !stompCommand(from, b):
		return s.breaks(FaultSTOMPCommand)
	}
	return p.head(d, from, b)
}

// stompCommand reports whether b begins with a command, or with part of one.
func stompCommand(from Direction, b []byte) bool {
	line, _, whole := bytes.Cut(b, []byte("\n"))
	begun, cr := bytes.CutSuffix(line, []byte("\r"))
	for _, command := range stompCommands[from] {
		if string(begun) == command || !whole && !cr && bytes.HasPrefix([]byte(command), begun) {
			return true
		}
	}
	return false
}

// head reads command and headers.
func (p *stomp) head(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	n := stompHead(b[:min(len(b), MaxAgain-1)])
	switch {
	case n == 0 && len(b) >= MaxAgain-1:
		return s.breaks(FaultSTOMPHeaders)
	case n == 0:
		return d.partial(from)
	case uint64(n) >= p.limit:
		return s.breaks(FaultTooLarge)
	}
	head := b[:n]
	stompNegotiate(d, from, head)
	d.took(from)
	text, known := stompHeader(head, "content-length")
	if !known {
		s.n, s.stage, s.phase = uint64(n), stompToNUL, endUnknown
		return p.toNUL(s, b, n)
	}
	size, rest := readDigits(text)
	switch {
	case len(rest) > 0 || len(text) == 0 || len(text) > 9:
		return s.breaks(FaultSTOMPLength)
	case uint64(n)+size+1 > p.limit:
		return s.breaks(FaultTooLarge)
	}
	s.stage = stompAtNUL
	s.pass(size)
	return p.body(s, b, n)
}

// stompHead returns the size of command and headers, the empty line included; 0 if b does not have it.
func stompHead(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return 0
		}
		line := b[n : n+i]
		if n += i + 1; len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return n
		}
	}
}

// stompHeader returns the value of a header. The first of several counts.
func stompHeader(head []byte, name string) (value []byte, found bool) {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		key, value, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\r")), []byte(":"))
		if ok && string(bytes.TrimSpace(key)) == name {
			return bytes.TrimSpace(value), true
		}
	}
	return nil, false
}

// stompNegotiate reads the header heart-beat of CONNECT, STOMP and CONNECTED.
func stompNegotiate(d *Dialogue, from Direction, head []byte) {
	connects := bytes.HasPrefix(head, []byte("CONNECT")) || bytes.HasPrefix(head, []byte("STOMP"))
	if !connects {
		return
	}
	value, _ := stompHeader(head, "heart-beat")
	first, rest := readDigits(value)
	if from == FromClient {
		d.facts = uint32(first)
		return
	}
	second, _ := readDigits(bytes.TrimLeft(rest, ", "))
	if d.facts != 0 && second != 0 {
		d.keepalive = 2 * max(d.facts, uint32(second))
	}
	d.stage = stompConnected
}

// body goes on in a body whose size is known.
func (p *stomp) body(s *State, b []byte, at int) (int, Event) {
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	s.n, s.phase = 0, endUnknown
	return p.end(s, b, at)
}

// end reads the NUL behind a body.
func (p *stomp) end(s *State, b []byte, at int) (int, Event) {
	if at == len(b) {
		return at, None
	}
	if b[at] != 0 {
		return s.breaks(FaultSTOMPEnd)
	}
	s.next()
	return at + 1, Message
}

// toNUL looks for the end of a body whose size is not known.
func (p *stomp) toNUL(s *State, b []byte, at int) (int, Event) {
	i := bytes.IndexByte(b[at:], 0)
	n := len(b)
	if i >= 0 {
		n = at + i + 1
	}
	if s.n += uint64(n - at); s.n > p.limit {
		return s.breaks(FaultTooLarge)
	}
	if i < 0 {
		return n, None
	}
	s.next()
	return n, Message
}

// Skip implements Protocol.
func (p *stomp) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }

// Farewell implements Farewell.
func (p *stomp) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != stompConnected || !d.MayInsert(FromUpstream) {
		return dst
	}
	text := "idle timeout"
	if why == Draining {
		text = "shutdown"
	}
	return append(dst, "ERROR\nmessage:"+text+"\n\n\x00"...)
}
