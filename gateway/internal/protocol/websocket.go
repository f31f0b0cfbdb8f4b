package protocol

import "encoding/binary"

// WebSocket (RFC 6455). The connection begins as HTTP/1.1: websocket_upgrade.go.
//
// A frame (section 5.2):
//
//	  byte 0            byte 1         0, 2 or 8 bytes    4 or 0
//	+-----+-----+------+------+-------+-----------------+----------+---------+
//	| FIN | RSV | op   | MASK | len 7 | 126: 2, 127: 8  | mask key | payload |
//	+-----+-----+------+------+-------+-----------------+----------+---------+
//	 op: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
//
// A message is a frame of text or binary and its continuations, up to the one with FIN. Clients mask, servers do not.
// Control frames (8 to 10) have at most 125 bytes and may stand between the frames of a message. Pings and pongs are
// heartbeats: the gateway can answer a client's ping by a pong with its payload, and probes by a ping.
//
// A client may answer several pings by one pong, or each of them, and late (section 5.5.3): so pings are told apart by a number.
//
// Between the frames of a message State is in endUnknown, and more is the size of the message so far. Before the upgrade more is the size of
// the responses so far.
type websocket struct{ named }

// NewWebSocket returns the Protocol of WebSocket, the HTTP upgrade before it included.
func NewWebSocket(o Options) Protocol { return &websocket{newNamed(o)} }

// Limited implements Protocol.
func (p *websocket) Limited(limit uint64) Protocol { return &websocket{p.limited(limit)} }

// Stages of a Dialogue.
const (
	wsRequest  uint8 = iota // the client's request is awaited, or under way
	wsResponse              // the server's response is awaited, or under way
	wsOpen                  // frames
	wsClosing               // one side has sent Close
)

// Opcodes.
const (
	wsContinuation = 0
	wsText         = 1
	wsBinary       = 2
	wsClose        = 8
	wsPing         = 9
	wsPong         = 10
	wsControl      = 8 // this bit is set in those of control frames
)

const (
	wsHTTPSize   = 64 << 10         // bytes of the client's request at most, and of all responses to it
	wsControlMax = 125              // bytes of a control frame's payload at most
	wsAsks       = "idlegate asks " // and four hex digits: the payload of the gateway's pings
	wsAsksSize   = len(wsAsks) + 4
)

// State.kind of the frame under way.
const (
	wsPart uint8 = iota // more of its message will follow
	wsLast              // it ends its message
)

// Scan implements Protocol.
func (p *websocket) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == inPart || s.phase == endKnown:
		return p.payload(d, from, b, 0)
	case from == FromClient && d.stage == wsRequest:
		return p.request(d, b)
	case d.stage == wsRequest: // a server that speaks first speaks something else
		return s.breaks(FaultWebSocketResponse)
	case from == FromUpstream && d.stage == wsResponse:
		return p.response(d, b)
	case d.stage == wsResponse:
		return s.breaks(FaultWebSocketEarly)
	}
	return p.frame(d, from, b)
}

// frame reads the header of a frame.
func (p *websocket) frame(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if fault := wsCheck(s, from, b); fault != NoFault {
		return s.breaks(fault)
	}
	header, size, whole := wsHeader(b)
	op, fin := b[0]&15, b[0]&0x80 != 0
	switch {
	case op&wsControl != 0 && (!whole || uint64(len(b)) < uint64(header)+size):
		return p.wait(d, from, op)
	case !whole:
		return d.partial(from)
	case size > 1<<63-1:
		return s.breaks(FaultWebSocketLength)
	case op&wsControl != 0:
		return p.control(d, from, b[:header+int(size)], header)
	case uint64(header)+size > p.limit || s.more > p.limit-uint64(header)-size:
		return s.breaks(FaultTooLarge)
	}
	d.took(from)
	s.more += uint64(header) + size
	s.n, s.kind, s.phase = size, wsPart, inPart
	if fin {
		s.kind, s.phase = wsLast, endKnown
	}
	return p.payload(d, from, b, header)
}

// wsCheck checks what there is of the first two bytes of a frame.
func wsCheck(s *State, from Direction, b []byte) Fault {
	op, fin := b[0]&15, b[0]&0x80 != 0
	begun := s.phase == endUnknown
	switch {
	case b[0]&0x30 != 0: // RSV1 is compression's (RFC 7692), the others are nobody's
		return FaultWebSocketReserved
	case op > wsBinary && op < wsClose || op > wsPong:
		return FaultWebSocketOpcode
	case op&wsControl != 0 && !fin:
		return FaultWebSocketControl
	case op&wsControl == 0 && begun != (op == wsContinuation):
		return FaultWebSocketOrder
	case len(b) < 2:
		return NoFault
	case (b[1]&0x80 != 0) != (from == FromClient):
		return FaultWebSocketMask
	case op&wsControl != 0 && b[1]&0x7f > wsControlMax:
		return FaultWebSocketControl
	}
	return NoFault
}

// wsHeader reads the header of a frame.
func wsHeader(b []byte) (header int, size uint64, whole bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	header, size = 2, uint64(b[1]&0x7f)
	if b[1]&0x80 != 0 {
		header += 4
	}
	switch size {
	case 126:
		header += 2
	case 127:
		header += 8
	}
	if len(b) < header {
		return 0, 0, false
	}
	switch size {
	case 126:
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		size = binary.BigEndian.Uint64(b[2:])
	}
	return header, size, true
}

// wait says that a control frame is given again until it is whole.
func (p *websocket) wait(d *Dialogue, from Direction, op byte) (int, Event) {
	if op == wsPing && p.answers(d, from) || op == wsPong && wsAwaits(d, from) {
		return d.withhold(from)
	}
	return d.partial(from)
}

// control takes a control frame that is whole.
func (p *websocket) control(d *Dialogue, from Direction, frame []byte, header int) (int, Event) {
	event := Heartbeat
	switch op := frame[0] & 15; {
	case op == wsClose:
		event, d.stage = Message, wsClosing
	case op == wsPing && p.answers(d, from):
		event = Answer
	case op == wsPong && wsAwaits(d, from) && wsAnswers(d, frame, header):
		event = ProbeAnswer
	}
	d.took(from)
	return len(frame), event
}

// answers reports whether the gateway answers a ping that comes now.
func (p *websocket) answers(d *Dialogue, from Direction) bool {
	return d.stage == wsOpen && p.mayAnswer(d, from)
}

// payload goes on in the payload of a data frame.
func (p *websocket) payload(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	if s.kind == wsLast {
		s.next()
		s.more = 0
		return at, Message
	}
	s.n, s.phase = 0, endUnknown
	return at, None
}

// Skip implements Protocol.
func (p *websocket) Skip(d *Dialogue, from Direction, n uint64) Event {
	s := &d.streams[from]
	event := s.Skip(n)
	if event == Message {
		s.more = 0
	}
	return event
}

// Answer implements Answerer.
func (p *websocket) Answer(dst, ping []byte) []byte {
	header, size, _ := wsHeader(ping)
	dst = append(dst, 0x80|wsPong, byte(size))
	for i, c := range ping[header:] {
		dst = append(dst, c^ping[header-4+i&3])
	}
	return dst
}

// Farewell implements Farewell: Close, 1001 (going away) or 1012 (service restart, RFC 6455 section 7.4 and its registry).
func (p *websocket) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != wsOpen || !d.MayInsert(FromUpstream) {
		return dst
	}
	status, text := uint16(1001), "idle timeout"
	if why == Draining {
		status, text = 1012, "service restart"
	}
	dst = append(dst, 0x80|wsClose, byte(2+len(text)))
	dst = binary.BigEndian.AppendUint16(dst, status)
	return append(dst, text...)
}
