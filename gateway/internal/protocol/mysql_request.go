package protocol

import (
	"bytes"
	"encoding/binary"
)

// Capabilities, as the bits of greeting and response.
const (
	mysqlClientMySQL    uint32 = 1 << 0 // there are no extended ones
	mysqlClientCompress uint32 = 1 << 5
	mysqlClient41       uint32 = 1 << 9 // the protocol of version 4.1, the only one that is paired
	mysqlClientSSL      uint32 = 1 << 11
	mysqlClientNoEOF    uint32 = 1 << 24
	mysqlClientMetadata uint32 = 1 << 25
	mysqlClientZstd     uint32 = 1 << 26

	mysqlExtendedMetadata uint32 = 1 << 4 // MARIADB_CLIENT_CACHE_METADATA
)

// mysqlAgreed returns the facts that follow from one side's capabilities.
func mysqlAgreed(caps, extended uint32) (facts uint32) {
	for _, row := range [...]struct{ bit, fact uint32 }{
		{mysqlClientCompress, mysqlCompress}, {mysqlClientZstd, mysqlZstd}, {mysqlClientNoEOF, mysqlNoEOF},
		{mysqlClientMetadata, mysqlMetadata},
	} {
		if caps&row.bit != 0 {
			facts |= row.fact
		}
	}
	if caps&mysqlClientMySQL == 0 && extended&mysqlExtendedMetadata != 0 {
		facts |= mysqlMariaMeta
	}
	return facts
}

// mysqlGreeting reads the first message of the server.
func mysqlGreeting(d *Dialogue, sequence byte, body []byte) (kind uint8, fault Fault) {
	if body[0] == mysqlERR {
		return mysqlRefuses, NoFault
	}
	if sequence != 0 {
		return 0, FaultMySQLSequence
	}
	version := bytes.IndexByte(body, 0)
	if version < 0 || len(body) < version+16 {
		return 0, FaultMySQLHandshake
	}
	rest := body[version+1+4+8+1:]
	caps, extended := uint32(binary.LittleEndian.Uint16(rest)), uint32(0)
	if len(rest) >= 7 {
		caps |= uint32(binary.LittleEndian.Uint16(rest[5:])) << 16
	}
	if len(rest) >= 18 {
		extended = binary.LittleEndian.Uint32(rest[14:])
	}
	d.facts |= mysqlAgreed(caps, extended)
	return mysqlGreetingEnds, NoFault
}

// mysqlResponds reads the client's response to the greeting.
func mysqlResponds(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	if size < mysqlResponse40 {
		return 0, FaultMySQLHandshake
	}
	caps, extended := uint32(binary.LittleEndian.Uint16(body)), uint32(0)
	if caps&mysqlClient41 != 0 {
		if size < mysqlResponse {
			return 0, FaultMySQLHandshake
		}
		caps, extended = binary.LittleEndian.Uint32(body), binary.LittleEndian.Uint32(body[28:])
	}
	d.facts &= mysqlAgreed(caps, extended) | 0xffff
	switch {
	case caps&mysqlClientSSL != 0:
		return mysqlTLS, NoFault
	case caps&mysqlClient41 == 0:
		return mysqlLose, NoFault
	}
	return mysqlHello, NoFault
}

// Kinds of replies. They fit into 3 bits.
const (
	mysqlOne      uint8 = 1 + iota // one message, whatever it is
	mysqlPing                      // one message; request and reply are heartbeats
	mysqlResult                    // result sets, OK, or the request for a file
	mysqlPrepared                  // what is known of a statement
	mysqlRows                      // rows or definitions, and their end
	mysqlAuth                      // authentication
)

const mysqlComPing = 0x0e

// mysqlCommands are the replies of the commands. Those that are not here have one that is not known, or many.
var mysqlCommands = [256]uint8{
	0x00: mysqlOne,      // COM_SLEEP, which is an error
	0x01: mysqlSilent,   // COM_QUIT
	0x02: mysqlOne,      // COM_INIT_DB
	0x03: mysqlResult,   // COM_QUERY
	0x04: mysqlRows,     // COM_FIELD_LIST
	0x05: mysqlOne,      // COM_CREATE_DB
	0x06: mysqlOne,      // COM_DROP_DB
	0x07: mysqlOne,      // COM_REFRESH
	0x08: mysqlOne,      // COM_SHUTDOWN
	0x09: mysqlOne,      // COM_STATISTICS
	0x0a: mysqlResult,   // COM_PROCESS_INFO
	0x0b: mysqlOne,      // COM_CONNECT, which is an error
	0x0c: mysqlOne,      // COM_PROCESS_KILL
	0x0d: mysqlOne,      // COM_DEBUG
	0x0e: mysqlPing,     // COM_PING
	0x0f: mysqlOne,      // COM_TIME, which is an error
	0x10: mysqlOne,      // COM_DELAYED_INSERT, which is an error
	0x11: mysqlAuth,     // COM_CHANGE_USER
	0x14: mysqlOne,      // COM_CONNECT_OUT, which is an error
	0x15: mysqlOne,      // COM_REGISTER_SLAVE
	0x16: mysqlPrepared, // COM_STMT_PREPARE
	0x17: mysqlResult,   // COM_STMT_EXECUTE
	0x18: mysqlSilent,   // COM_STMT_SEND_LONG_DATA
	0x19: mysqlSilent,   // COM_STMT_CLOSE
	0x1a: mysqlOne,      // COM_STMT_RESET
	0x1b: mysqlOne,      // COM_SET_OPTION
	0x1c: mysqlRows,     // COM_STMT_FETCH
	0x1d: mysqlOne,      // COM_DAEMON, which is an error
	0x1f: mysqlOne,      // COM_RESET_CONNECTION
	0xfa: mysqlResult,   // MariaDB's COM_STMT_BULK_EXECUTE
}

// mysqlCommand reads the first byte of a command.
func mysqlCommand(d *Dialogue, size uint64, sequence byte, body []byte) (kind uint8, fault Fault) {
	switch {
	case d.Unpaired() && size == 1 && sequence == 0 && body[0] == mysqlComPing:
		return mysqlPing, NoFault
	case d.Unpaired():
		return mysqlSilent, NoFault
	case size == 0:
		return 0, FaultMySQLCommand
	}
	if kind = mysqlCommands[body[0]]; kind == 0 {
		kind = mysqlLose
	}
	return kind, NoFault
}

// mysqlAsked keeps account of what is owed when a message of the client is complete.
func mysqlAsked(d *Dialogue, kind uint8) {
	if d.Unpaired() || d.stage == mysqlRefused {
		return
	}
	switch kind {
	case mysqlSilent:
	case mysqlLose:
		if d.stage == mysqlGreeted && d.facts&mysqlCompress != 0 {
			d.set(opaque)
		}
		mysqlLoses(d)
	case mysqlTLS:
		d.set(opaque)
	case mysqlHello:
		d.stage = mysqlEntering
		mysqlOwe(d, mysqlAuth)
	case mysqlProof:
		mysqlProves(d)
	case mysqlFileData, mysqlFileEnd:
		mysqlSends(d, kind)
	case mysqlAuth:
		if d.owed > 0 {
			mysqlLoses(d)
			return
		}
		d.stage = mysqlReentered
		mysqlOwe(d, kind)
	default:
		mysqlOwe(d, kind)
	}
}

// mysqlProves notes a message of the client in the authentication.
func mysqlProves(d *Dialogue) {
	switch {
	case d.stage != mysqlEntering && d.stage != mysqlReentered: // the server did not await it
		mysqlLoses(d)
	case d.owed == 0:
		mysqlOwe(d, mysqlAuth)
	default: // a second one
		mysqlSetNext(d, FromUpstream, mysqlNext(d, FromClient))
	}
}

// mysqlSends notes a message of a file.
func mysqlSends(d *Dialogue, kind uint8) {
	if d.stage != mysqlFile || kind == mysqlFileData {
		return
	}
	d.stage = mysqlOpen
	d.clear(busy)
	mysqlOwe(d, mysqlResult)
}

// The replies that are owed stand in State.more of the client's direction: five runs of one kind each, the next reply
// lowest.
//
//	60      48      36      24      12       3      0
//	+-------+-------+-------+-------+--------+------+
//	|       |       |       |       | length | kind |
//	+-------+-------+-------+-------+--------+------+
const (
	mysqlRun     = 12
	mysqlRuns    = 5
	mysqlKind    = 1<<3 - 1
	mysqlRunOne  = 1 << 3
	mysqlRunMask = 1<<mysqlRun - 1
	mysqlRunLen  = mysqlRunMask - mysqlKind
)

// mysqlAwaited returns the kind of the next reply, 0 if none is owed.
func mysqlAwaited(d *Dialogue) uint8 {
	if d.owed == 0 {
		return 0
	}
	return uint8(d.streams[FromClient].more & mysqlKind)
}

// mysqlOwe notes a request that awaits a reply.
func mysqlOwe(d *Dialogue, kind uint8) {
	if d.Unpaired() {
		return
	}
	next := mysqlNext(d, FromClient)
	if d.owed == 0 {
		d.streams[FromClient].more = 0
		d.streams[FromUpstream].stage = mysqlFirst
		mysqlSetNext(d, FromUpstream, next)
	}
	if d.owed > 0 && next != 1 || !mysqlQueue(&d.streams[FromClient].more, kind) {
		mysqlLoses(d) // its reply would not begin with the sequence 1, or there are too many
		return
	}
	d.owe()
}

// mysqlQueue adds a reply to the runs. It reports false where there is no room.
func mysqlQueue(runs *uint64, kind uint8) bool {
	last := 0
	for last < mysqlRuns-1 && *runs>>((last+1)*mysqlRun) != 0 {
		last++
	}
	run := *runs >> (last * mysqlRun)
	switch {
	case run&mysqlKind == uint64(kind) && run&mysqlRunLen != mysqlRunLen:
		*runs += mysqlRunOne << (last * mysqlRun)
		return true
	case run == 0:
		last--
	case last == mysqlRuns-1:
		return false
	}
	*runs |= (mysqlRunOne | uint64(kind)) << ((last + 1) * mysqlRun)
	return true
}

// mysqlPay notes that the reply has ended.
func mysqlPay(d *Dialogue) {
	if d.owed == 0 {
		return
	}
	d.pay()
	s := &d.streams[FromClient]
	if s.more -= mysqlRunOne; s.more&mysqlRunLen == 0 {
		s.more >>= mysqlRun
	}
	d.streams[FromUpstream].stage = mysqlFirst
	mysqlSetNext(d, FromUpstream, 1)
}
