package protocol

import "encoding/binary"

// The protocol of MySQL and MariaDB (dev.mysql.com, "Client/Server Protocol"; mariadb.com, "Client/Server Protocol").
//
// All is packets. Numbers are little-endian. A packet of ffffff bytes goes on in the next, a shorter one, maybe empty, ends
// it; here, that chain is the message:
//
//	0        3          4                   4 + length
//	+--------+----------+-------------------+
//	| length | sequence | payload           |
//	+--------+----------+-------------------+
//
// The server begins, with its greeting or with an ERR. The client's response says what of the capabilities it has, too:
//
//	+----+------------+-----------+----------+---+--------------+---------+--------+--------------+--------+---+----------+
//	| 0a | version 00 | thread id | scramble | 0 | capabilities | charset | status | capabilities | length | … | extended |  greeting
//	|    |            | 4         | 8        |   | 2, the lower | 1       | 2      | 2, the upper | 1      | 6 | 4        |
//	+----+------------+-----------+----------+---+--------------+---------+--------+--------------+--------+---+----------+
//	+--------------+-------------+---------+----+----------+------
//	| capabilities | packet size | charset | …  | extended | user …                                          response
//	| 4            | 4           | 1       | 19 | 4        |
//	+--------------+-------------+---------+----+----------+------
//
// The extended capabilities are MariaDB's; the lowest of the others says that there are none. A response with CLIENT_SSL is cut
// short, and TLS follows it. Where both compress, what follows the OK of the authentication is compressed. Neither is understood.
//
// Then the client sends commands, each a message with the sequence 0 and the command in its first byte, and the sequence
// goes on in what is said about it. A reply has one message or more: see mysql_reply.go. While the client is to answer in
// the authentication, or to send the file of LOAD DATA LOCAL INFILE, which an empty packet ends, nothing is owed.
// Commands may come before the reply to the last has ended, 500 of a kind and five changes between kinds at least.
// Behind a request for the binary log, and others that are not known here, requests and replies are paired no more.
//
// COM_PING and its OK are heartbeats. The gateway answers none and probes none: no sequence would fit.
type mysql struct{ named }

// NewMySQL returns the Protocol of MySQL and MariaDB.
func NewMySQL(o Options) Protocol { return &mysql{newNamed(o)} }

// Limited implements Protocol.
func (p *mysql) Limited(limit uint64) Protocol { return &mysql{p.limited(limit)} }

const (
	mysqlHeader     = 4
	mysqlFull       = 0xffffff // bytes of a packet that goes on in the next
	mysqlMaxLook    = 21       // bytes of a payload that are looked at, but in the handshake: OK as far as its status
	mysqlVersion    = 10
	mysqlGreetMax   = 4096 // bytes of a greeting that is looked at
	mysqlResponse   = 32   // bytes of a response of version 4.1, as far as its capabilities go
	mysqlResponse40 = 5    // and of an older one
)

// Stages of a Dialogue.
const (
	mysqlNew       uint8 = iota // the greeting is awaited
	mysqlGreeted                // the client's response is
	mysqlEntering               // the two authenticate
	mysqlOpen                   // the client sends commands
	mysqlReentered              // the two authenticate after COM_CHANGE_USER
	mysqlFile                   // the client sends a file
	mysqlRefused                // the server has refused the client
)

// What becomes of a message of the client at its end, State.kind: the kind of its reply, or:
const (
	mysqlSilent  uint8 = 16 + iota // it has no reply
	mysqlLose                      // the connection is paired no more
	mysqlTLS                       // TLS follows
	mysqlHello                     // the authentication begins
	mysqlProof                     // the authentication goes on
	mysqlFileEnd                   // the file has ended
	mysqlFileData
)

// Scan implements Protocol. In endUnknown, the header of another packet of the message follows, and State.pos counts those
// before it.
func (p *mysql) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	switch {
	case len(b) == 0:
		return 0, None
	case s.phase == endKnown:
		n, event := s.finish(s.n, b, 0)
		return n, p.ended(d, from, event)
	case s.phase == inPart:
		n := min(s.n, uint64(len(b)))
		return int(n), s.Skip(n)
	case from == FromClient && d.stage == mysqlNew:
		return s.breaks(FaultMySQLEarly)
	case len(b) < mysqlHeader:
		return d.partial(from)
	}
	return p.packet(d, from, b)
}

// packet reads the header of a packet, and as much behind it as tells what the message is.
func (p *mysql) packet(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	size, sequence := uint64(b[0])|uint64(b[1])<<8|uint64(b[2])<<16, b[3]
	switch {
	case uint64(s.pos)*(mysqlHeader+mysqlFull)+mysqlHeader+size > p.limit:
		return s.breaks(FaultTooLarge)
	case !mysqlInOrder(d, from, sequence, size):
		return s.breaks(FaultMySQLSequence)
	}
	if s.phase == between {
		body := b[mysqlHeader:min(uint64(len(b)), mysqlHeader+size)]
		if fault := mysqlGreets(d, from, size, body); fault != NoFault {
			return s.breaks(fault)
		}
		if uint64(len(body)) < min(size, mysqlLook(d, from, body)) {
			return d.partial(from)
		}
		if fault := mysqlBegins(d, from, size, sequence, body); fault != NoFault {
			return s.breaks(fault)
		}
	}
	d.took(from)
	mysqlSetNext(d, from, sequence+1)
	if size == mysqlFull {
		s.pos++
		s.pass(size)
		return mysqlHeader, None
	}
	n, event := s.finish(size, b, mysqlHeader)
	return n, p.ended(d, from, event)
}

// Facts of a Dialogue, but for the lower two bytes: the next sequence by direction.
const (
	mysqlCompress  uint32 = 1 << (16 + iota) // so says the greeting, and after the response, so both say
	mysqlZstd                                // like mysqlCompress
	mysqlNoEOF                               // no EOF behind definitions, and an OK with its header behind rows
	mysqlMetadata                            // definitions may be left out
	mysqlMariaMeta                           // like mysqlMetadata
)

// mysqlNext returns the next sequence of a direction.
func mysqlNext(d *Dialogue, from Direction) byte { return byte(d.facts >> (8 * from)) }

func mysqlSetNext(d *Dialogue, from Direction, sequence byte) {
	d.facts = d.facts&^(0xff<<(8*from)) | uint32(sequence)<<(8*from)
}

// mysqlInOrder reports whether a packet may come with that sequence. What begins a message that nobody awaits has any: a server
// that closes the connection may say so at any time.
func mysqlInOrder(d *Dialogue, from Direction, sequence byte, size uint64) bool {
	next := mysqlNext(d, from)
	switch {
	case d.streams[from].phase != between:
		return sequence == next
	case d.Unpaired() || d.stage == mysqlRefused || from == FromUpstream && d.owed == 0:
		return true
	case from == FromClient && d.stage == mysqlOpen:
		return sequence == 0
	case from == FromClient && d.stage == mysqlReentered && size > 0:
		return sequence == next || sequence == 0 // a command that does not await the end of the authentication
	}
	return sequence == next
}

// mysqlLook returns how many bytes of a payload tell what the message is.
func mysqlLook(d *Dialogue, from Direction, body []byte) uint64 {
	switch {
	case d.stage == mysqlRefused:
		return 0
	case from == FromUpstream:
		return mysqlReplyLook(d, body)
	case d.stage == mysqlGreeted:
		return mysqlResponse
	}
	return 1
}

// mysqlGreets looks for what is wrong with a greeting before it is whole.
func mysqlGreets(d *Dialogue, from Direction, size uint64, body []byte) Fault {
	switch {
	case from == FromClient || d.stage != mysqlNew:
	case size == 0:
		return FaultMySQLHandshake
	case len(body) > 0 && body[0] != mysqlVersion && body[0] != mysqlERR:
		return FaultMySQLVersion
	case len(body) > 0 && body[0] == mysqlVersion && size > mysqlGreetMax:
		return FaultMySQLHandshake
	}
	return NoFault
}

// mysqlBegins notes in State.kind what becomes of a message at its end.
func mysqlBegins(d *Dialogue, from Direction, size uint64, sequence byte, body []byte) (fault Fault) {
	s := &d.streams[from]
	switch {
	case d.stage == mysqlRefused:
		s.kind = mysqlSilent
	case from == FromUpstream && d.stage == mysqlNew:
		s.kind, fault = mysqlGreeting(d, sequence, body)
	case from == FromUpstream:
		s.kind, fault = mysqlReplies(d, size, body)
	case d.stage == mysqlGreeted:
		s.kind, fault = mysqlResponds(d, size, body)
	case d.stage == mysqlFile && size == 0:
		s.kind = mysqlFileEnd
	case d.stage == mysqlFile:
		s.kind = mysqlFileData
	case d.stage == mysqlEntering || d.stage == mysqlReentered && sequence == mysqlNext(d, from):
		s.kind = mysqlProof
	case d.stage == mysqlReentered:
		s.kind = mysqlLose
	default:
		s.kind, fault = mysqlCommand(d, size, sequence, body)
	}
	return fault
}

// ended says what becomes of a message that is complete.
func (p *mysql) ended(d *Dialogue, from Direction, event Event) Event {
	if event != Message {
		return event
	}
	s := &d.streams[from]
	kind := s.kind
	s.kind = 0
	if from == FromUpstream {
		return mysqlReplied(d, kind)
	}
	mysqlAsked(d, kind)
	if kind == mysqlPing {
		return Heartbeat
	}
	return Message
}

// Skip implements Protocol.
func (p *mysql) Skip(d *Dialogue, from Direction, n uint64) Event {
	return p.ended(d, from, d.streams[from].Skip(n))
}

// mysqlLoses gives up pairing requests and replies.
func mysqlLoses(d *Dialogue) {
	d.unpair()
	d.clear(busy)
	d.stage = mysqlOpen
}

// mysqlFarewells are the number, the SQLSTATE and the text of each farewell, as the server has them.
var mysqlFarewells = [...]struct {
	number uint16
	text   string
}{
	TimedOut:         {4031, "#HY000" + mysqlInactive},
	Draining:         {1053, "#08S01Server shutdown in progress"},
	TransactionStood: {4031, "#HY000" + mysqlInactive},
}

const mysqlInactive = "The client was disconnected by the server because of inactivity. " +
	"See wait_timeout and interactive_timeout for configuring this behavior."

// Farewell implements Farewell: an ERR with the sequence 0, which the client reads as the reply to its next command.
func (p *mysql) Farewell(d *Dialogue, why Parting, dst []byte) []byte {
	if d.stage != mysqlOpen || d.Unpaired() || !d.MayInsert(FromUpstream) {
		return dst
	}
	said := mysqlFarewells[why]
	size := 3 + len(said.text)
	dst = append(dst, byte(size), byte(size>>8), 0, 0, mysqlERR)
	dst = binary.LittleEndian.AppendUint16(dst, said.number)
	return append(dst, said.text...)
}
