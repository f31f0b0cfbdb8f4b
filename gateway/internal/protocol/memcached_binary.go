package protocol

import "encoding/binary"

// The binary protocol (memcached's doc/protocol-binary.txt).
//
//	0       1        2            4        5          6        8       12       16    24
//	+-------+--------+------------+--------+----------+--------+-------+--------+-----+------+
//	| magic | opcode | key length | extras | datatype | status | body  | opaque | CAS | body |
//	+-------+--------+------------+--------+----------+--------+-------+--------+-----+------+
//	 80 request, 81 response                                    length
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
