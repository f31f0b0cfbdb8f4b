package protocol

import "encoding/binary"

// The reply to a command ends with OK, ERR or EOF, or with its only message. What a message is shows in its first byte:
//
//	+----+------+------+--------+----------+---          +----+----------+--------+       +----+------+---+-----+------
//	| 00 | rows | id   | status | warnings | …        OK  | fe | warnings | status | EOF   | ff | code | # | …   | text   ERR
//	|    | 1-9  | 1-9  | 2      | 2        |             |    | 2        | 2      |       |    | 2    |   | 5   |
//	+----+------+------+--------+----------+---          +----+----------+--------+       +----+------+---+-----+------
//
// ERR with the code ffff is MariaDB's report of progress, and ends nothing. Results of several messages are in mysql_result.go.
const (
	mysqlOK    = 0x00
	mysqlLocal = 0xfb // the request for a file
	mysqlEOF   = 0xfe
	mysqlERR   = 0xff

	mysqlProgress  = 0xffff // the code of a report
	mysqlMore      = 0x0008 // SERVER_MORE_RESULTS_EXISTS
	mysqlCursor    = 0x0040 // SERVER_STATUS_CURSOR_EXISTS
	mysqlOKLeast   = 7
	mysqlEOFMost   = 9 // bytes of a payload that is a row, though it begins with fe
	mysqlMaxColumn = 65535
)

// What becomes of the reply when a message of the server has ended, State.kind.
const (
	mysqlGoesOn       uint8 = iota
	mysqlEnds               // the reply ends
	mysqlEntered            // the authentication does, and so does the reply
	mysqlRefuses            // the server has refused the client
	mysqlTurn               // the client is to go on with the authentication
	mysqlWantsFile          // the client is to send a file
	mysqlUnknown            // this cannot be a part of the reply
	mysqlGreetingEnds       // the client is to respond
)

// mysqlReplyLook returns how many bytes of a payload tell what the server's message is.
func mysqlReplyLook(d *Dialogue, body []byte) uint64 {
	switch {
	case d.Unpaired():
		return 0
	case len(body) == 0:
		return 1
	case d.stage == mysqlNew && body[0] == mysqlVersion:
		return mysqlGreetMax
	case d.streams[FromUpstream].stage == mysqlFirst || body[0] >= mysqlEOF:
		return mysqlMaxLook
	}
	return 1
}

// mysqlReplies says what a message of the server is to the reply.
func mysqlReplies(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	switch {
	case d.Unpaired():
		return mysqlGoesOn, NoFault
	case d.stage == mysqlEntering || d.stage == mysqlReentered:
		return mysqlAuthenticates(d, body)
	case mysqlIsERR(body) && d.owed == 0: // it closes the connection
		return mysqlGoesOn, NoFault
	case d.stage == mysqlGreeted:
		return 0, FaultMySQLEarly
	case d.owed == 0:
		return mysqlUnknown, NoFault
	case mysqlIsProgress(body):
		return mysqlGoesOn, NoFault
	}
	return mysqlPartOf(d, size, body)
}

func mysqlIsERR(body []byte) bool { return len(body) > 0 && body[0] == mysqlERR }

func mysqlIsProgress(body []byte) bool {
	return mysqlIsERR(body) && len(body) >= 3 && binary.LittleEndian.Uint16(body[1:]) == mysqlProgress
}

// mysqlAuthenticates reads a message of the authentication. One that begins with 01 03 says that OK follows; behind all others that
// are neither OK nor ERR it is the client's turn.
func mysqlAuthenticates(d *Dialogue, body []byte) (kind uint8, fault Fault) {
	switch {
	case len(body) == 0:
		return mysqlTurn, NoFault
	case body[0] == mysqlOK:
		return mysqlEntered, NoFault
	case body[0] == mysqlERR && d.stage == mysqlEntering:
		return mysqlRefuses, NoFault
	case body[0] == mysqlERR:
		return mysqlEntered, NoFault
	case string(body) == "\x01\x03":
		return mysqlGoesOn, NoFault
	}
	return mysqlTurn, NoFault
}

// mysqlPartOf reads a message of the reply that is under way.
func mysqlPartOf(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	s, reply := &d.streams[FromUpstream], mysqlAwaited(d)
	switch {
	case reply == mysqlOne || reply == mysqlPing || mysqlIsERR(body):
		return mysqlEnds, NoFault
	case reply == mysqlRows || s.stage == mysqlRowsNext:
		return mysqlRow(d, size, body)
	case s.stage == mysqlDefined:
		return mysqlDefinition(d), NoFault
	case s.stage == mysqlEndOfDefs:
		return mysqlDefinitionsEnd(d, size, body)
	case size == 0:
		return 0, FaultMySQLReply
	case reply == mysqlPrepared:
		return mysqlPrepares(d, size, body)
	}
	return mysqlResultBegins(d, size, body)
}

// mysqlReplied keeps account of what is owed when a message of the server is complete.
func mysqlReplied(d *Dialogue, kind uint8) Event {
	ping := mysqlAwaited(d) == mysqlPing
	switch kind {
	case mysqlGreetingEnds:
		d.stage = mysqlGreeted
		mysqlSetNext(d, FromClient, mysqlNext(d, FromUpstream))
	case mysqlRefuses:
		mysqlPay(d)
		d.stage = mysqlRefused
	case mysqlTurn:
		next := mysqlNext(d, FromUpstream)
		mysqlPay(d)
		mysqlSetNext(d, FromClient, next)
	case mysqlEntered:
		mysqlPay(d)
		if d.stage == mysqlEntering && d.facts&(mysqlCompress|mysqlZstd) != 0 {
			d.set(opaque)
		}
		d.stage = mysqlOpen
	case mysqlWantsFile:
		mysqlAwaitsFile(d)
	case mysqlUnknown:
		mysqlLoses(d)
	case mysqlEnds:
		mysqlPay(d)
		if ping {
			return Heartbeat
		}
	}
	return Message
}

// mysqlAwaitsFile notes that the client is to send a file.
func mysqlAwaitsFile(d *Dialogue) {
	if d.owed > 1 || !d.AtBoundary(FromClient) {
		mysqlLoses(d)
		return
	}
	next := mysqlNext(d, FromUpstream)
	mysqlPay(d)
	mysqlSetNext(d, FromClient, next)
	d.set(busy)
	d.stage = mysqlFile
}
