package protocol

import (
	"encoding/binary"
	"math"
)

// The protocol of Apache Kafka (kafka.apache.org/protocol.html, "Network", "The Messages").
//
//	0        4
//	+--------+---------+---------+-------------+-----------+----
//	| size   | API key | version | correlation | client id | ...      request
//	| 4      | 2       | 2       | 4           | 2 + text  |
//	+--------+---------+---------+-------------+-----------+----
//	+--------+-------------+----
//	| size   | correlation | ...                                       response
//	+--------+-------------+----
//
// A broker answers in the order of requests, each once, but for a Produce (key 0) with acks 0, which it does not answer. The
// acks come behind the client id, the header's tagged fields (version 9 and later) and the transactional id (3 and later).
// After SaslHandshake version 0 the two exchange tokens without a header, which looks like anything: then requests and
// responses are paired no more.
//
// There are no heartbeats that a gateway could answer or send: responses carry the client's correlation ids.
type kafka struct{ named }

// NewKafka returns the Protocol of Kafka.
func NewKafka(o Options) Protocol { return &kafka{newNamed(o)} }

// Limited implements Protocol.
func (p *kafka) Limited(limit uint64) Protocol { return &kafka{p.limited(limit)} }

const (
	kafkaSize     = 4
	kafkaRequest  = kafkaSize + 8 // up to the client id
	kafkaProduce  = 0
	kafkaSasl     = 17
	kafkaFlexible = 9 // the version of Produce from which on it has tagged fields
	kafkaTxn      = 3 // and a transactional id
)

// State.kind of a request that is not answered.
const kafkaUnanswered = 1

// Scan implements Protocol.
func (p *kafka) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if s.phase == endKnown {
		n, event := s.finish(s.n, b, 0)
		return n, kafkaPair(d, from, event)
	}
	if b[0] > 0x7f {
		return s.breaks(FaultKafkaSize)
	}
	if len(b) < kafkaSize {
		return d.partial(from)
	}
	size := uint64(binary.BigEndian.Uint32(b))
	switch {
	case size < kafkaLeast(d, from):
		return s.breaks(FaultKafkaSize)
	case kafkaSize+size > p.limit:
		return s.breaks(FaultTooLarge)
	}
	if from == FromClient && !d.Unpaired() {
		if !kafkaLook(d, b, size) {
			return d.partial(from)
		}
	}
	d.took(from)
	n, event := s.finish(size, b, kafkaSize)
	return n, kafkaPair(d, from, event)
}

// kafkaLeast returns the least size of a message.
func kafkaLeast(d *Dialogue, from Direction) uint64 {
	switch {
	case d.Unpaired():
		return 0
	case from == FromClient:
		return kafkaRequest - kafkaSize
	}
	return 4
}

// Skip implements Protocol.
func (p *kafka) Skip(d *Dialogue, from Direction, n uint64) Event {
	return kafkaPair(d, from, d.streams[from].Skip(n))
}

// kafkaPair counts requests and responses.
func kafkaPair(d *Dialogue, from Direction, event Event) Event {
	if event != Message {
		return event
	}
	if from == FromUpstream {
		d.pay()
		return event
	}
	if s := &d.streams[from]; s.kind == kafkaUnanswered {
		s.kind = 0
		return event
	}
	d.owe()
	return event
}

// kafkaLook finds out whether the request at the start of b is answered. It reports false where b does not tell yet.
func kafkaLook(d *Dialogue, b []byte, size uint64) bool {
	whole := uint64(len(b)) >= kafkaSize+size
	if len(b) < kafkaRequest && !whole {
		return false
	}
	key, version := binary.BigEndian.Uint16(b[4:]), int16(binary.BigEndian.Uint16(b[6:]))
	switch {
	case key == kafkaSasl && version == 0:
		d.unpair()
		return true
	case key != kafkaProduce:
		return true
	}
	body := kafkaReader{b: b[:min(uint64(len(b)), kafkaSize+size)], at: kafkaRequest}
	acks := body.acks(version)
	switch {
	case !body.short:
		if acks == 0 {
			d.streams[FromClient].kind = kafkaUnanswered
		}
		return true
	case whole || body.at >= MaxAgain-kafkaRequest: // no acks, or too far away to wait for them
		d.unpair()
		return true
	}
	return len(b) >= MaxAgain-1
}

// kafkaReader reads the start of a request.
type kafkaReader struct {
	b     []byte
	at    int
	short bool // b ended
}

// acks reads a Produce request from its client id to its acks.
func (r *kafkaReader) acks(version int16) int16 {
	r.text()
	if version >= kafkaFlexible {
		for range r.varint() { // tagged fields: tag, size, value
			r.varint()
			r.skip(r.varint())
			if r.short {
				return 0
			}
		}
	}
	switch {
	case version >= kafkaFlexible:
		r.skip(max(r.varint(), 1) - 1) // a compact text: 0 is none, else its size and 1
	case version >= kafkaTxn:
		r.text()
	}
	return r.int16()
}

func (r *kafkaReader) int16() int16 {
	if r.short = r.short || len(r.b)-r.at < 2; r.short {
		return 0
	}
	r.at += 2
	return int16(binary.BigEndian.Uint16(r.b[r.at-2:]))
}

func (r *kafkaReader) text() { r.skip(uint64(max(0, r.int16()))) }

func (r *kafkaReader) skip(n uint64) {
	if r.short || n > uint64(len(r.b)-r.at) {
		r.short = true
		r.at = int(min(uint64(r.at)+min(n, math.MaxInt32), math.MaxInt32))
		return
	}
	r.at += int(n)
}

func (r *kafkaReader) varint() uint64 {
	if r.short {
		return 0
	}
	value, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.short = true
		return 0
	}
	r.at += n
	return value
}
