package protocol

import "bytes"

// RESP, the protocol of Redis and Valkey, versions 2 and 3 (redis.io/docs, "Redis serialization protocol specification").
//
// A message is one value at the top, which is a line, a line with a body, or a line and the values that it counts:
//
//	+OK CRLF   -ERR text CRLF   :1 CRLF   _ CRLF   #t CRLF   ,1.5 CRLF   (123 CRLF     a line
//	$5 CRLF hello CRLF      !21 …      =15 …                                           a line and a body
//	*3 CRLF value value value      ~3 …      >3 …      %2 (pairs) …      |1 (pairs) …  a line and values
//
// A count of -1 is a null. Attributes (|) stand before the value that they belong to. A client's request is an array of
// bodies, or a line of words. Every request has one reply, but where that cannot be followed any more: in RESP 2 after
// SUBSCRIBE and the like, after MONITOR and CLIENT REPLY. In RESP 3 what was not asked for is a push (>), and so are the
// replies to SUBSCRIBE. Replication (SYNC, PSYNC) and values of unknown size ($? and *?) are not understood.
//
// PING and +PONG are heartbeats. The gateway can answer PING where nothing is owed, outside of MULTI, once the server
// has replied to something.
//
// In endUnknown, State.pos is how many values are still to come, more the size of the message so far.
type resp struct{ named }

// NewRESP returns the Protocol of RESP 2 and 3.
func NewRESP(o Options) Protocol { return &resp{newNamed(o)} }

// Limited implements Protocol.
func (p *resp) Limited(limit uint64) Protocol { return &resp{p.limited(limit)} }

// Stages of a State in endUnknown.
const (
	respValue   uint8 = iota // at the line of a value
	respLine                 // in a line of which only the end matters
	respBodyEnd              // behind a body, before its CR LF
)

// Kinds of messages.
const (
	respPlain  uint8 = iota
	respPing         // a request PING
	respPush         // it is no reply
	respSilent       // a request that has no reply
	respSync         // a request after which the connection is not understood
	respError        // an error, which may be the reply to a request that has none otherwise
)

const (
	respHeadSize = 32 // bytes of a line with a count at most
	respNameSize = 32 // bytes of a command's name that is looked at
	respMaxCount = 1 << 30
)

// Scan implements Protocol.
func (p *resp) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if s.phase == between {
		if from == FromClient {
			if n, event := p.request(d, b); event != None || n > 0 {
				return n, event
			}
		}
		s.pos, s.more, s.stage = 1, 0, respValue
	}
	n := 0
	for n < len(b) {
		took, done, fault := p.step(d, from, b[n:])
		if fault != NoFault {
			return s.breaks(fault)
		}
		if took == 0 {
			break
		}
		d.took(from)
		s.phase = max(s.phase, endUnknown)
		n += took
		if s.more += uint64(took); s.more > p.limit {
			return s.breaks(FaultTooLarge)
		}
		if done {
			return n, p.ended(d, from)
		}
	}
	if n == 0 {
		return d.partial(from)
	}
	return n, None
}

// step reads on to the end of a line or a body. It takes nothing where a line is not whole that has to be, and says whether
// the message is done.
func (p *resp) step(d *Dialogue, from Direction, b []byte) (took int, done bool, fault Fault) {
	s := &d.streams[from]
	switch {
	case s.phase == inPart:
		took = int(min(s.n, uint64(len(b))))
		if s.n -= uint64(took); s.n == 0 {
			s.phase = endUnknown
		}
		s.more -= uint64(took) // they were counted when the line was read, as is the CR LF behind them
		return took, false, NoFault
	case s.stage == respLine:
		return p.line(s, b)
	case s.stage == respBodyEnd:
		return respEnd(s, b)
	}
	switch b[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		if from == FromClient {
			return 0, false, FaultRESPRequest
		}
		if s.phase == between {
			switch _, m := compare(b, []byte("+PONG\r\n")); m {
			case agrees:
				return 0, false, NoFault
			case equals:
				s.kind = respPing
			}
			if b[0] == '-' {
				s.kind = respError
			}
		}
		s.stage = respLine
		return p.line(s, b)
	}
	return p.counted(d, from, b)
}

// line goes on to the end of a line.
func (p *resp) line(s *State, b []byte) (took int, done bool, fault Fault) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return len(b), false, NoFault
	}
	return i + 1, s.valueEnds(), NoFault
}

// valueEnds notes that a value is complete, and reports whether it was the last.
func (s *State) valueEnds() bool {
	s.stage = respValue
	s.pos--
	return s.pos == 0
}

// respEnd reads the CR LF behind a body.
func respEnd(s *State, b []byte) (took int, done bool, fault Fault) {
	_, m := compare(b, []byte("\r\n"))
	switch m {
	case equals:
		s.more -= 2
		return 2, s.valueEnds(), NoFault
	case agrees:
		return 0, false, NoFault
	}
	return 0, false, FaultRESPBody
}

// counted reads a line that says how much follows.
func (p *resp) counted(d *Dialogue, from Direction, b []byte) (took int, done bool, fault Fault) {
	s := &d.streams[from]
	kind := b[0]
	first := s.phase == between
	known := bytes.IndexByte([]byte("$!=*~>%|"), kind) >= 0
	if from == FromClient { // a request is an array of bodies
		known = kind == '$' || kind == '*' && first
	}
	if !known {
		return 0, false, respNoType(from)
	}
	count, n, fault := respCount(b)
	if fault != NoFault || n == 0 {
		return 0, false, fault
	}
	if count == respUnknown {
		d.set(opaque)
		return n, true, NoFault
	}
	switch kind {
	case '>', '%', '~', '|': // no client sends them
		d.facts |= respIs3
	case '$', '!', '=':
		if count < 0 {
			return n, s.valueEnds(), NoFault
		}
		s.stage = respBodyEnd
		s.n, s.phase = uint64(count), inPart
		if count == 0 {
			s.phase = endUnknown
		}
		s.more += uint64(count) + 2
		return n, false, NoFault
	}
	return n, s.aggregate(kind, count, first), respTooMany(s)
}

func respNoType(from Direction) Fault {
	if from == FromClient {
		return FaultRESPRequest
	}
	return FaultRESPType
}

const respUnknown = -2 // a count that is written as ?

// respCount reads the count in a line. A line of 0 bytes is one that is not whole.
func respCount(b []byte) (count int64, n int, fault Fault) {
	i := bytes.IndexByte(b[:min(len(b), respHeadSize)], '\n')
	switch {
	case i < 0 && len(b) >= respHeadSize:
		return 0, 0, FaultRESPCount
	case i < 0:
		return 0, 0, NoFault
	case i < 2 || b[i-1] != '\r':
		return 0, 0, FaultRESPCount
	}
	text := b[1 : i-1]
	switch string(text) {
	case "?":
		return respUnknown, i + 1, NoFault
	case "-1":
		return -1, i + 1, NoFault
	}
	value, rest := readDigits(text)
	if len(rest) > 0 || len(text) == 0 {
		return 0, 0, FaultRESPCount
	}
	return int64(value), i + 1, NoFault
}

// aggregate notes how many values, or pairs, are to come.
func (s *State) aggregate(kind byte, count int64, first bool) (done bool) {
	if kind == '>' && first {
		s.kind = respPush
	}
	if count < 0 {
		return s.valueEnds()
	}
	values := uint64(count)
	if kind == '%' || kind == '|' {
		values *= 2
	}
	if kind != '|' {
		s.pos-- // the aggregate itself; what it has takes its place
	}
	s.pos = uint32(min(uint64(s.pos)+values, respMaxCount+1))
	return s.pos == 0
}

// respTooMany bounds the values of a message.
func respTooMany(s *State) Fault {
	if s.pos > respMaxCount {
		return FaultRESPCount
	}
	return NoFault
}

// Skip implements Protocol.
func (p *resp) Skip(d *Dialogue, from Direction, n uint64) Event { return d.streams[from].Skip(n) }

// Answer implements Answerer.
func (p *resp) Answer(dst, _ []byte) []byte { return append(dst, "+PONG\r\n"...) }

// Farewell implements Farewell.
func (p *resp) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.Unpaired() || !d.MayInsert(FromUpstream) {
		return dst
	}
	if why == Draining {
		return append(dst, "-ERR server is shutting down\r\n"...)
	}
	return append(dst, "-ERR idle timeout\r\n"...)
}
