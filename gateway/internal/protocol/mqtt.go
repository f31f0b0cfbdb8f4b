package protocol

import "encoding/binary"

// MQTT 3.1, 3.1.1 and 5 (OASIS MQTT Version 3.1.1 and 5.0, section 2.1).
//
//	  byte 0              1 to 4 bytes               remaining length
//	+--------+---------+------------------+--------------------------------------+
//	| type 4 | flags 4 | remaining length | variable header, payload             |
//	+--------+---------+------------------+--------------------------------------+
//	                    varint, low digits first, at most 268,435,455
//
// The first packet of a client is CONNECT, whose variable header says how long the client may be silent:
//
//	+-------------------------+-------+-------+-----------+----
//	| 00 04 M Q T T           | level | flags | keepalive | ...      3.1.1 is level 4, 5 is level 5
//	| 00 06 M Q I s d p       |       |       | 2 bytes   |          3.1 is level 3; a bridge sets bit 7
//	+-------------------------+-------+-------+-----------+----
//
// The server of MQTT 5 may set another keepalive in CONNACK (property 0x13). It ends a client that sends no packet within
// one and a half times the keepalive [MQTT-3.1.2-22], and so does a negotiated idle_timeout.
//
// Heartbeats are PINGREQ and PINGRESP. A gateway that answers PINGREQ hides the client from the server, which would end it:
// so it answers only where the keepalive is 0. Only MQTT 5 lets a server say goodbye: DISCONNECT with a reason.
type mqtt struct{ named }

// NewMQTT returns the Protocol of MQTT.
func NewMQTT(o Options) Protocol { return &mqtt{newNamed(o)} }

// Limited implements Protocol.
func (p *mqtt) Limited(limit uint64) Protocol { return &mqtt{p.limited(limit)} }

// Types of packets, the upper half of their first byte.
const (
	mqttConnect     = 1
	mqttConnack     = 2
	mqttPublish     = 3
	mqttPubrel      = 6
	mqttPubcomp     = 7
	mqttSubscribe   = 8
	mqttSuback      = 9
	mqttUnsubscribe = 10
	mqttUnsuback    = 11
	mqttPingreq     = 12
	mqttPingresp    = 13
	mqttDisconnect  = 14
	mqttAuth        = 15
)

// mqttSends has a bit for each type of packet that a side may send, by direction.
var mqttSends = [2]uint16{
	FromClient:   mqttBothSend | 1<<mqttConnect | 1<<mqttSubscribe | 1<<mqttUnsubscribe | 1<<mqttPingreq,
	FromUpstream: mqttBothSend | 1<<mqttConnack | 1<<mqttSuback | 1<<mqttUnsuback | 1<<mqttPingresp,
}

// mqttBothSend are PUBLISH to PUBCOMP, DISCONNECT and AUTH.
const mqttBothSend = 1<<(mqttPubcomp+1) - 1<<mqttPublish | 1<<mqttDisconnect | 1<<mqttAuth

// Stages of a Dialogue. Its facts are the protocol level.
const (
	mqttNew       uint8 = iota
	mqttOffered         // the client has sent CONNECT
	mqttConnected       // the server has sent CONNACK
)

const mqtt5 = 5 // the protocol level of MQTT 5

// Scan implements Protocol.
func (p *mqtt) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if s.phase == endKnown {
		n, event := s.finish(s.n, b, 0)
		return n, mqttKind(s, event)
	}
	kind := b[0] >> 4
	if fault := mqttMayBegin(d, from, b[0]); fault != NoFault {
		return s.breaks(fault)
	}
	rest, header, fault := mqttHeader(b)
	switch {
	case fault != NoFault:
		return s.breaks(fault)
	case header == 0 && kind == mqttPingreq && p.answers(d, from):
		return d.withhold(from)
	case header == 0:
		return d.partial(from)
	case uint64(header)+rest > p.limit:
		return s.breaks(FaultTooLarge)
	case (kind == mqttPingreq || kind == mqttPingresp) && rest != 0:
		return s.breaks(FaultMQTTPing)
	case kind == mqttPingreq && p.answers(d, from):
		d.took(from)
		return header, Answer
	}
	if fault, whole := mqttNegotiate(d, kind, b[header:], rest); fault != NoFault {
		return s.breaks(fault)
	} else if !whole {
		return d.partial(from)
	}
	d.took(from)
	s.kind = kind
	n, event := s.finish(rest, b, header)
	return n, mqttKind(s, event)
}

// Skip implements Protocol.
func (p *mqtt) Skip(d *Dialogue, from Direction, n uint64) Event {
	s := &d.streams[from]
	return mqttKind(s, s.Skip(n))
}

// mqttKind tells heartbeats from other packets.
func mqttKind(s *State, event Event) Event {
	if event == Message && (s.kind == mqttPingreq || s.kind == mqttPingresp) {
		return Heartbeat
	}
	return event
}

// answers reports whether the gateway answers a PINGREQ that comes now.
func (p *mqtt) answers(d *Dialogue, from Direction) bool {
	return d.stage == mqttConnected && d.keepalive == 0 && p.mayAnswer(d, from)
}

// mqttMayBegin checks the first byte of a packet.
func mqttMayBegin(d *Dialogue, from Direction, c byte) Fault {
	kind, flags := c>>4, c&15
	switch {
	case mqttSends[from]&(1<<kind) == 0:
		return FaultMQTTType
	case from == FromClient && (d.stage == mqttNew) != (kind == mqttConnect):
		return FaultMQTTFirst
	case kind == mqttPublish:
		if flags&6 == 6 { // there is no QoS of 3
			return FaultMQTTFlags
		}
		return NoFault
	}
	want := byte(0)
	if kind == mqttPubrel || kind == mqttSubscribe || kind == mqttUnsubscribe {
		want = 2
		flags &^= 8 // MQTT 3.1 lets DUP be set there
	}
	if flags != want {
		return FaultMQTTFlags
	}
	return NoFault
}

// mqttHeader reads the fixed header. A header of 0 bytes is one that is not whole.
func mqttHeader(b []byte) (rest uint64, header int, fault Fault) {
	for i := 1; i < len(b); i++ {
		rest |= uint64(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			return rest, i + 1, NoFault
		}
		if i == 4 {
			return 0, 0, FaultMQTTLength
		}
	}
	return 0, 0, NoFault
}

// mqttNegotiate reads what CONNECT and CONNACK say about the keepalive. They are whole if enough of b is there to tell.
func mqttNegotiate(d *Dialogue, kind byte, b []byte, size uint64) (fault Fault, whole bool) {
	b = b[:min(uint64(len(b)), size)]
	switch kind {
	case mqttConnect:
		level, keepalive, fault := mqttReadConnect(b)
		if fault == NoFault && level == 0 {
			if uint64(len(b)) == size {
				fault = FaultMQTTConnect
			}
			return fault, false
		}
		d.facts, d.keepalive, d.stage = uint32(level), mqttAllows(keepalive), mqttOffered
		return fault, true
	case mqttConnack:
		if d.facts == mqtt5 && size < MaxAgain-5 {
			if uint64(len(b)) < size {
				return NoFault, false
			}
			if keepalive, ok := mqttServerKeepalive(b); ok {
				d.keepalive = mqttAllows(keepalive)
			}
		}
		d.stage = mqttConnected
	}
	return NoFault, true
}

// mqttAllows returns for how many milliseconds a client may be silent whose keepalive is that many seconds.
func mqttAllows(keepalive uint16) uint32 { return uint32(keepalive) * 1500 }

var mqttNames = [...]string{"\x00\x04MQTT\x04", "\x00\x04MQTT\x05", "\x00\x06MQIsdp\x03"} // with the level

// mqttReadConnect reads the start of CONNECT's variable header. A level of 0 says that there is too little of it.
func mqttReadConnect(b []byte) (level byte, keepalive uint16, fault Fault) {
	fault = FaultMQTTConnect
	for _, name := range mqttNames {
		last := len(name) - 1
		switch _, m := compare(b, []byte(name[:last])); {
		case m == agrees || m == equals && len(b) == last:
			fault = NoFault
		case m == equals && b[last]&^0x80 == name[last]:
			if len(b) < last+4 {
				return 0, 0, NoFault
			}
			if b[last+1]&1 != 0 {
				return 0, 0, FaultMQTTConnect
			}
			return name[last], binary.BigEndian.Uint16(b[last+2:]), NoFault
		}
	}
	return 0, 0, fault
}

// mqttWidths are the sizes of the values of CONNACK's properties (MQTT 5.0, table 2-4); 0 are those that begin with their
// size in two bytes.
var mqttWidths = [...]struct{ property, width byte }{
	{0x11, 4}, {0x12, 0}, {0x13, 2}, {0x15, 0}, {0x16, 0}, {0x1a, 0}, {0x1c, 0}, {0x1f, 0}, {0x21, 2}, {0x22, 2},
	{0x24, 1}, {0x25, 1}, {0x26, 0}, {0x27, 4}, {0x28, 1}, {0x29, 1}, {0x2a, 1},
}

// mqttServerKeepalive finds the Server Keep Alive in CONNACK after its header. What it does not understand, it leaves to the
// client.
//
//	+-------+--------+----------------------+----------+-------+----
//	| flags | reason | length of properties | property | value | ...
//	+-------+--------+----------------------+----------+-------+----
//	                  varint
func mqttServerKeepalive(b []byte) (keepalive uint16, found bool) {
	if len(b) < 3 {
		return 0, false
	}
	size, n := binary.Uvarint(b[2:])
	if n <= 0 || size > uint64(len(b)-2-n) {
		return 0, false
	}
	for b = b[2+n:][:size]; len(b) > 0; {
		n, known := mqttPropertySize(b)
		if !known || n > len(b) {
			return 0, false
		}
		if b[0] == 0x13 {
			return binary.BigEndian.Uint16(b[1:]), true
		}
		b = b[n:]
	}
	return 0, false
}

// mqttPropertySize returns the size of the property at the start of b, its identifier included.
func mqttPropertySize(b []byte) (size int, known bool) {
	text := func(at int) int {
		if len(b) < at+2 {
			return len(b) + 1
		}
		return at + 2 + int(binary.BigEndian.Uint16(b[at:]))
	}
	for _, row := range mqttWidths {
		switch {
		case row.property != b[0]:
		case b[0] == 0x26: // a user property is two texts
			return text(min(text(1), len(b))), true
		case row.width == 0:
			return text(1), true
		default:
			return 1 + int(row.width), true
		}
	}
	return 0, false
}

// Answer implements Answerer.
func (p *mqtt) Answer(dst, _ []byte) []byte { return append(dst, mqttPingresp<<4, 0) }

// Reasons of DISCONNECT (MQTT 5.0, section 3.14.2.1).
const (
	mqttKeepaliveTimeout = 0x8d
	mqttShuttingDown     = 0x8b
)

// Farewell implements Farewell.
func (p *mqtt) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.facts != mqtt5 || d.stage != mqttConnected || !d.MayInsert(FromUpstream) {
		return dst
	}
	reason := byte(mqttKeepaliveTimeout)
	if why == Draining {
		reason = mqttShuttingDown
	}
	return append(dst, mqttDisconnect<<4, 2, reason, 0)
}
