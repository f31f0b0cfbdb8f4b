package protocol

import (
	"encoding/binary"
	"strings"
)

// PostgreSQL's protocol 3 (postgresql.org/docs, chapters "Message Flow" and "Message Formats").
//
// A client begins with messages that have no type:
//
//	0        4          8
//	+--------+----------+----------------------+
//	| length | code     | parameters           |   196608 and on: startup of protocol 3.0, 3.2 …
//	+--------+----------+----------------------+   80877103 SSLRequest, 80877104 GSSENCRequest, 80877102 CancelRequest
//
// The server answers the two requests for encryption by one byte: S or G, after which nothing is understood, or N, after
// which the client begins again. All that follows startup has a type:
//
//	0      1        5
//	+------+--------+--------------------------+
//	| type | length | …                        |   the length counts itself, and not the type
//	+------+--------+--------------------------+
//
// ReadyForQuery (Z) is the reply to startup, Query, FunctionCall and Sync, and says whether a transaction is open. An Execute
// is owed CommandComplete, EmptyQueryResponse or PortalSuspended, or the ReadyForQuery of the Sync behind it. Behind an
// ErrorResponse without a Sync the server does nothing until there is one. While the server awaits the client's COPY data, or what
// proves who the client is, nothing is owed, and a Sync that comes before that data has no reply; in a replication stream
// (CopyBoth) neither side owes the other.
//
// There are no heartbeats, and no probe that the client would answer.
type postgres struct{ named }

// NewPostgres returns the Protocol of PostgreSQL.
func NewPostgres(o Options) Protocol { return &postgres{newNamed(o)} }

// Limited implements Protocol.
func (p *postgres) Limited(limit uint64) Protocol { return &postgres{p.limited(limit)} }

// Stages of a Dialogue.
const (
	pgStartup uint8 = iota // a message without a type is awaited
	pgAsked                // the server's one byte is
	pgStarted              // all messages have types
	pgOpen                 // the server has been ready once
	pgCancel               // a cancel request is the last message
)

const (
	pgProtocol3  = 3
	pgSSL        = 80877103
	pgGSS        = 80877104
	pgCancelCode = 80877102

	pgStartupMax = 10000 // bytes of a startup message at most, as the server has it
	pgHeader     = 5
	pgTLS        = 0x16 // the first byte of a ClientHello
)

// Facts of a Dialogue. Above them stand those of postgres_pairing.go.
const (
	pgInTransaction uint32 = 1 << iota // the server said so when it was last ready
	pgCopying                          // COPY data is under way, to the server or both ways
	pgSkipping                         // the server does nothing until Sync
)

// pgChallenge is the State.kind of an Authentication message (R) that the client is to answer.
const pgChallenge = 'r'

// pgChallenges reports whether an Authentication message with that code is one: neither Ok nor the end of SASL.
func pgChallenges(code uint32) bool { return code != 0 && code != 12 }

const (
	pgClientTypes = "BCDEFHPQSXcdfp"
	pgServerTypes = "RKSZENATDCI123nstVGHWdcv"
)

// Scan implements Protocol.
func (p *postgres) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == endKnown:
		n, event := s.finish(s.n, b, 0)
		return n, p.ended(d, from, event)
	case from == FromClient && d.stage == pgStartup:
		return p.startup(d, b)
	case from == FromUpstream && d.stage == pgAsked:
		return p.granted(d, b)
	case d.stage == pgStartup || d.stage == pgAsked || from == FromClient && d.stage == pgCancel:
		return s.breaks(FaultPostgresEarly)
	}
	return p.typed(d, from, b)
}

// startup reads a message without a type.
func (p *postgres) startup(d *Dialogue, b []byte) (int, Event) {
	s := &d.streams[FromClient]
	if b[0] == pgTLS { // TLS without asking, as version 17 allows
		d.set(opaque)
		return 1, Message
	}
	if len(b) < 8 {
		return d.partial(FromClient)
	}
	size, code := uint64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])
	switch {
	case size < 8 || size > pgStartupMax:
		return s.breaks(FaultPostgresLength)
	case size > p.limit:
		return s.breaks(FaultTooLarge)
	case code == pgSSL || code == pgGSS:
		d.stage = pgAsked
	case code == pgCancelCode:
		d.stage = pgCancel
	case code>>16 == pgProtocol3:
		d.stage = pgStarted
	default:
		return s.breaks(FaultPostgresVersion)
	}
	d.took(FromClient)
	d.owe()
	return s.finish(size-8, b, 8)
}

// granted reads the server's answer to a request for encryption.
func (p *postgres) granted(d *Dialogue, b []byte) (int, Event) {
	switch b[0] {
	case 'S', 'G':
		d.set(opaque)
	case 'N':
		d.stage = pgStartup
	case 'E': // an error of a server that is too old, or too busy
		d.stage = pgStarted
		return p.typed(d, FromUpstream, b)
	default:
		return d.streams[FromUpstream].breaks(FaultPostgresGrant)
	}
	d.pay()
	return 1, Message
}

// typed reads the header of a message with a type.
func (p *postgres) typed(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	types := pgClientTypes
	if from == FromUpstream {
		types = pgServerTypes
	}
	if strings.IndexByte(types, b[0]) < 0 {
		return s.breaks(FaultPostgresType)
	}
	if len(b) < pgHeader {
		return d.partial(from)
	}
	size := uint64(binary.BigEndian.Uint32(b[1:]))
	switch {
	case size < 4:
		return s.breaks(FaultPostgresLength)
	case 1+size > p.limit:
		return s.breaks(FaultTooLarge)
	case b[0] == 'Z' && len(b) < pgHeader+1 && size > 4, b[0] == 'R' && len(b) < pgHeader+4 && size >= 8:
		return d.partial(from)
	}
	if b[0] == 'Z' && size > 4 {
		d.facts &^= pgInTransaction
		if b[pgHeader] != 'I' {
			d.facts |= pgInTransaction
		}
	}
	d.took(from)
	s.kind = b[0]
	if b[0] == 'R' && size >= 8 && pgChallenges(binary.BigEndian.Uint32(b[pgHeader:])) {
		s.kind = pgChallenge
	}
	n, event := s.finish(size-4, b, pgHeader)
	return n, p.ended(d, from, event)
}

// ended keeps account of what is owed when a message is complete.
func (p *postgres) ended(d *Dialogue, from Direction, event Event) Event {
	if event != Message {
		return event
	}
	s := &d.streams[from]
	kind := s.kind
	if s.kind = 0; from == FromClient {
		p.asked(d, kind)
		return event
	}
	p.answered(d, kind)
	return event
}

// answered notes a message of the server with a type.
func (p *postgres) answered(d *Dialogue, kind byte) {
	switch kind {
	case pgChallenge:
		d.pay()
	case 'Z':
		d.stage = pgOpen
		d.facts &^= pgCopying | pgSkipping
		d.clear(busy)
		pgBatchReplied(d)
	case '1', '2', '3', 'T', 'n':
		pgDone(d, false)
	case 'C', 'I', 's':
		pgDone(d, true)
		p.copyEnds(d)
	case 'E':
		p.copyEnds(d)
		if d.stage == pgOpen {
			pgFails(d)
		}
	case 'G':
		if pgCopies(d) {
			p.copyBegins(d)
		}
	case 'W':
		p.copyBegins(d)
	}
}

// copyBegins notes that COPY data of the client is awaited.
func (p *postgres) copyBegins(d *Dialogue) {
	d.facts |= pgCopying
	d.set(busy)
}

// copyEnds notes that no COPY data of the client is awaited.
func (p *postgres) copyEnds(d *Dialogue) {
	d.facts &^= pgCopying
	d.clear(busy)
}

// asked notes a message of the client with a type.
func (p *postgres) asked(d *Dialogue, kind byte) {
	skipping := d.facts&pgSkipping != 0
	switch kind {
	case 'S':
		if d.facts&pgCopying == 0 {
			d.facts &^= pgSkipping
			pgBatch(d, true)
		}
	case 'Q', 'F':
		if !skipping {
			pgBatch(d, false)
		}
	case 'P', 'B', 'D', 'C', 'E':
		if !skipping {
			pgSent(d, kind == 'E')
		}
	case 'p':
		if d.stage == pgStarted && d.owed == 0 {
			d.owe()
		}
	case 'c', 'f':
		if d.facts&pgCopying == 0 {
			pgCopiedEarly(d)
		}
		p.copyEnds(d)
	}
}

// owes implements ower.
func (p *postgres) owes(d *Dialogue) bool {
	return d.facts&pgCopying == 0 && (d.owed > 0 || pgExecutes(d))
}

// InTransaction implements Transactor.
func (p *postgres) InTransaction(d *Dialogue) bool {
	return d.facts&pgInTransaction != 0 && d.facts&pgCopying == 0 && !p.owes(d)
}

// Skip implements Protocol.
func (p *postgres) Skip(d *Dialogue, from Direction, n uint64) Event {
	return p.ended(d, from, d.streams[from].Skip(n))
}

// pgFarewells are the SQLSTATE and the text of each farewell, as the server has them (errcodes.txt).
var pgFarewells = [...]struct{ code, text string }{
	TimedOut:         {"57P05", "terminating connection due to idle-session timeout"},
	Draining:         {"57P01", "terminating connection due to administrator command"},
	TransactionStood: {"25P03", "terminating connection due to idle-in-transaction timeout"},
}

// Farewell implements Farewell: an ErrorResponse of severity FATAL.
func (p *postgres) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != pgOpen || p.owes(d) || !d.MayInsert(FromUpstream) {
		return dst
	}
	said := pgFarewells[why]
	fields := "SFATAL\x00VFATAL\x00C" + said.code + "\x00M" + said.text + "\x00\x00"
	dst = append(dst, 'E')
	dst = binary.BigEndian.AppendUint32(dst, uint32(4+len(fields)))
	return append(dst, fields...)
}
