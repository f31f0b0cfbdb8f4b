package protocol

import "encoding/binary"

// Modbus TCP (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3).
//
//	0             2          4        6      7
//	+-------------+----------+--------+------+------------------------+
//	| transaction | protocol | length | unit | function code, data    |
//	| 2 bytes     | 0        |        |      | 1 to 253 bytes         |
//	+-------------+----------+--------+------+------------------------+
//	                                   ├─────── length bytes ────────┤
//
// Each request has one reply, told by its transaction; where a client repeats one, requests and replies are paired no more. There are
// no heartbeats, and nothing by which a server says that it closes.
type modbus struct{ named }

// NewModbus returns the Protocol of Modbus TCP.
func NewModbus(o Options) Protocol { return &modbus{newNamed(o)} }

// Limited implements Protocol.
func (p *modbus) Limited(limit uint64) Protocol { return &modbus{p.limited(limit)} }

const (
	modbusHeader = 6   // up to and with the length
	modbusLeast  = 2   // unit and function code
	modbusMost   = 254 // unit, function code and 252 bytes of data
)

// Scan implements Protocol.
func (p *modbus) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if s.phase == endKnown {
		n, event := s.finish(s.n, b, 0)
		return n, modbusPair(d, from, event)
	}
	for i, c := range b[:min(len(b), 4)] {
		if i >= 2 && c != 0 {
			return s.breaks(FaultModbusProtocol)
		}
	}
	if len(b) < modbusHeader {
		return d.partial(from)
	}
	rest := uint64(binary.BigEndian.Uint16(b[4:]))
	switch {
	case rest < modbusLeast || rest > modbusMost:
		return s.breaks(FaultModbusLength)
	case modbusHeader+rest > p.limit:
		return s.breaks(FaultTooLarge)
	}
	d.took(from)
	modbusNote(d, from, binary.BigEndian.Uint16(b))
	n, event := s.finish(rest, b, modbusHeader)
	return n, modbusPair(d, from, event)
}

// In the facts of a Dialogue: the transaction of the last request is in the low 16 bits.
const modbusAsked = 1 << 16 // there has been a request

// modbusLast is the kind of a reply to the last request.
const modbusLast = 1

// modbusNote notes of which transaction a message is. A client that uses one again before its reply repeats what has got none, maybe of
// a device that is not there, or has all its requests be of the same: how many replies come is not known any more.
func modbusNote(d *Dialogue, from Direction, transaction uint16) {
	again := d.facts&modbusAsked != 0 && uint16(d.facts) == transaction
	if from == FromUpstream {
		d.streams[from].kind = 0
		if again {
			d.streams[from].kind = modbusLast
		}
		return
	}
	if again && d.owed > 0 {
		d.unpair()
	}
	d.facts = modbusAsked | uint32(transaction)
}

// Skip implements Protocol.
func (p *modbus) Skip(d *Dialogue, from Direction, n uint64) Event {
	return modbusPair(d, from, d.streams[from].Skip(n))
}

// modbusPair counts requests and replies. What comes before the last request and has no reply by the time that this one has, a broadcast
// or one to a device that does not answer, is owed none any more.
func modbusPair(d *Dialogue, from Direction, event Event) Event {
	switch {
	case event != Message:
	case from == FromClient:
		d.owe()
	case d.streams[from].kind == modbusLast:
		d.owed = 0
	default:
		d.pay()
	}
	return event
}
