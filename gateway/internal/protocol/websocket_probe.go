package protocol

import "strconv"

// The gateway's pings are numbered, and State.stage of both directions has the number of the last. The facts of the Dialogue have a
// bit for each of the last 31 that is still to be answered, that of the last lowest, and in the highest whether one before them is:
// its pong is known by its payload, and may come more than once.

const wsEarlier uint32 = 1 << 31

// wsAsked returns the number of the last ping.
func wsAsked(d *Dialogue) uint16 {
	return uint16(d.streams[FromClient].stage)<<8 | uint16(d.streams[FromUpstream].stage)
}

// wsNumber returns the payload of the ping with that number.
func wsNumber(n uint16) (payload [wsAsksSize]byte) {
	const digits = "0123456789abcdef" // encoding/hex needs fmt, and so os
	for i := copy(payload[:], wsAsks); i < len(payload); i++ {
		payload[i] = digits[n>>12]
		n <<= 4
	}
	return payload
}

// wsAwaits reports whether a pong that comes now may answer one of the gateway's pings.
func wsAwaits(d *Dialogue, from Direction) bool { return d.facts != 0 && d.maySwallow(from) }

// wsAnswers reports whether a client's pong answers one of the gateway's pings, and notes that it is answered.
func wsAnswers(d *Dialogue, frame []byte, header int) bool {
	if len(frame)-header != wsAsksSize {
		return false
	}
	var payload [wsAsksSize]byte
	for i, c := range frame[header:] {
		payload[i] = c ^ frame[header-4+i&3]
	}
	if string(payload[:len(wsAsks)]) != wsAsks {
		return false
	}
	n, err := strconv.ParseUint(string(payload[len(wsAsks):]), 16, 16)
	if err != nil || payload != wsNumber(uint16(n)) {
		return false
	}
	switch before := wsAsked(d) - uint16(n); {
	case before >= 31:
		return d.facts&wsEarlier != 0
	case d.facts&(1<<before) == 0:
		return false
	default:
		d.facts &^= 1 << before
		if before == 0 {
			d.clear(probed)
		}
	}
	return true
}

// Probe implements Prober.
func (p *websocket) Probe(d *Dialogue, dst []byte) []byte {
	if d.stage != wsOpen || !d.MayInsert(FromUpstream) {
		return dst
	}
	d.set(probed)
	n := wsAsked(d) + 1
	d.streams[FromClient].stage, d.streams[FromUpstream].stage = uint8(n>>8), uint8(n)
	d.facts = d.facts<<1 | d.facts&wsEarlier | 1
	payload := wsNumber(n)
	dst = append(dst, 0x80|wsPing, byte(len(payload)))
	return append(dst, payload[:]...)
}
