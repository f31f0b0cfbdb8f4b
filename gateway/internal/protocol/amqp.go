package protocol

import "encoding/binary"

// AMQP 0-9-1 (AMQP Advanced Message Queuing Protocol, version 0-9-1, sections 2.3.5 and 4.2).
//
// A client begins with a protocol header. Another version than 0-9-1 is not understood here.
//
//	+-----------------+---+---+---+---+
//	| A   M   Q   P   | 0 | 0 | 9 | 1 |
//	+-----------------+---+---+---+---+
//
// All else are frames, each a message:
//
//	0      1         3      7                      7 + size
//	+------+---------+------+----------------------+----+
//	| type | channel | size | payload              | CE |
//	+------+---------+------+----------------------+----+
//	 1 method, 2 header, 3 body, 8 heartbeat
//
// The client's Connection.Tune-Ok (class 10, method 31) has the heartbeat in seconds. Each side sends one at least every
// half of that while it has nothing else to say, and gives up the other after two that are missing (section 4.2.7): a
// negotiated idle_timeout is twice the heartbeat. The gateway answers none, since each side watches the other.
//
//	+-------+--------+-------------+-----------+-----------+
//	| 00 0a | 00 1f  | channel-max | frame-max | heartbeat |
//	+-------+--------+-------------+-----------+-----------+
//	                  2             4           2
type amqp struct{ named }

// NewAMQP returns the Protocol of AMQP 0-9-1.
func NewAMQP(o Options) Protocol { return &amqp{newNamed(o)} }

// Limited implements Protocol.
func (p *amqp) Limited(limit uint64) Protocol { return &amqp{p.limited(limit)} }

const (
	amqpMagic     = "AMQP"
	amqpVersion   = "\x00\x00\x09\x01"
	amqpHeader    = 7 // of a frame
	amqpEnd       = 0xce
	amqpMethod    = 1
	amqpBody      = 3
	amqpHeartbeat = 8
	amqpTuneOk    = "\x00\x0a\x00\x1f"
	amqpTuneSize  = 12
)

// Stages of a Dialogue.
const (
	amqpNew   uint8 = iota
	amqpBegun       // the client has sent its protocol header
	amqpTuned       // and Tune-Ok
)

// Scan implements Protocol. Between the payload and the end of a frame State is in endUnknown.
func (p *amqp) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	switch {
	case s.phase == inPart:
		return p.payload(s, b, 0)
	case s.phase == endUnknown:
		return p.end(s, b, 0)
	case from == FromClient && d.stage == amqpNew || from == FromUpstream && b[0] == amqpMagic[0]:
		return p.begin(d, from, b)
	case b[0] < amqpMethod || b[0] > amqpBody && b[0] != amqpHeartbeat:
		return s.breaks(FaultAMQPType)
	case len(b) < amqpHeader:
		return d.partial(from)
	}
	size := uint64(binary.BigEndian.Uint32(b[3:]))
	switch {
	case amqpHeader+size+1 > p.limit:
		return s.breaks(FaultTooLarge)
	case b[0] == amqpHeartbeat && (size != 0 || b[1] != 0 || b[2] != 0):
		return s.breaks(FaultAMQPHeartbeat)
	}
	if from == FromClient && !amqpTune(d, b, size) {
		return d.partial(from)
	}
	d.took(from)
	s.kind = b[0]
	s.pass(size)
	return p.payload(s, b, amqpHeader)
}

// begin reads a protocol header: the client's, or that of a server that refuses it.
func (p *amqp) begin(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	_, m := compare(b, []byte(amqpMagic))
	switch {
	case m == differs:
		return s.breaks(FaultAMQPMagic)
	case len(b) < len(amqpMagic)+len(amqpVersion):
		return d.partial(from)
	}
	d.took(from)
	n := len(amqpMagic) + len(amqpVersion)
	switch {
	case string(b[len(amqpMagic):n]) != amqpVersion && from == FromClient:
		d.set(opaque)
	case from == FromClient:
		d.stage = amqpBegun
	}
	return n, Message
}

// payload goes on in what of a frame need not be looked at.
func (p *amqp) payload(s *State, b []byte, at int) (int, Event) {
	here := uint64(len(b) - at)
	if s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	s.n, s.phase = 0, endUnknown
	return p.end(s, b, at)
}

// end reads the end of a frame.
func (p *amqp) end(s *State, b []byte, at int) (int, Event) {
	if at == len(b) {
		return at, None
	}
	if b[at] != amqpEnd {
		return s.breaks(FaultAMQPEnd)
	}
	s.next()
	if s.kind == amqpHeartbeat {
		return at + 1, Heartbeat
	}
	return at + 1, Message
}

// Skip implements Protocol.
func (p *amqp) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }

// amqpTune reads the heartbeat in Tune-Ok. It reports false where b, a client's frame, does not tell yet.
func amqpTune(d *Dialogue, b []byte, size uint64) bool {
	if d.stage != amqpBegun || b[0] != amqpMethod || size != amqpTuneSize {
		return true
	}
	if len(b) < amqpHeader+amqpTuneSize {
		return false
	}
	payload := b[amqpHeader:]
	if string(payload[:len(amqpTuneOk)]) == amqpTuneOk {
		d.keepalive = uint32(binary.BigEndian.Uint16(payload[amqpTuneSize-2:])) * 2000
		d.stage = amqpTuned
	}
	return true
}

const (
	amqpCloseMethod = "\x00\x0a\x00\x32" // Connection.Close: reply code, reply text, class and method at fault
	amqpForced      = "\x01\x40"         // 320, connection-forced
)

// Farewell implements Farewell.
func (p *amqp) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != amqpTuned || !d.MayInsert(FromUpstream) {
		return dst
	}
	text := "idle timeout"
	if why == Draining {
		text = "shutdown"
	}
	size := len(amqpCloseMethod) + len(amqpForced) + 1 + len(text) + 4
	dst = append(dst, amqpMethod, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = append(dst, amqpCloseMethod+amqpForced...)
	dst = append(dst, byte(len(text)))
	dst = append(dst, text...)
	return append(dst, 0, 0, 0, 0, amqpEnd)
}
