package protocol

import "encoding/binary"

// A result set is a count of columns, their definitions, EOF, rows, and EOF. Where the two ends have agreed on it, there is no
// EOF behind the definitions, and OK with the first byte fe is the one behind the rows. A status with 0008 says that another
// result follows; one with 0040, behind the definitions, that the rows are fetched later. A count with a 0 behind or before
// it has no definitions.
//
// The reply to COM_STMT_PREPARE is OK, the definitions of the parameters, and those of the columns, each with an EOF:
//
//	+----+-----------+---------+------------+---+----------+----------------+
//	| 00 | statement | columns | parameters | 0 | warnings | definitions ?  |
//	|    | 4         | 2       | 2          |   | 2        | 1, maybe       |
//	+----+-----------+---------+------------+---+----------+----------------+

// Stages of the upstream's State: what the next message of the reply is. Before mysqlRowsNext, State.more is how many definitions
// follow, and in its upper half how many of the next group.
const (
	mysqlFirst     uint8 = iota // the first of a result
	mysqlDefined                // a definition
	mysqlEndOfDefs              // the EOF behind definitions
	mysqlRowsNext               // a row, or the end of the rows
)

// mysqlRow reads a row, or the end of the rows.
func mysqlRow(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	most := uint64(mysqlEOFMost)
	if d.facts&mysqlNoEOF != 0 {
		most = mysqlFull
	}
	switch {
	case len(body) == 0 || body[0] != mysqlEOF || size >= most:
		return mysqlGoesOn, NoFault
	case mysqlAwaited(d) == mysqlRows:
		return mysqlEnds, NoFault
	}
	status, ok := mysqlStatus(body, size)
	if !ok {
		return 0, FaultMySQLReply
	}
	return mysqlResultEnds(d, status), NoFault
}

// mysqlResultEnds says what follows a result with that status.
func mysqlResultEnds(d *Dialogue, status uint16) (kind uint8) {
	if status&mysqlMore != 0 {
		d.streams[FromUpstream].stage = mysqlFirst
		return mysqlGoesOn
	}
	return mysqlEnds
}

// mysqlStatus returns the status in OK or EOF.
func mysqlStatus(body []byte, size uint64) (status uint16, ok bool) {
	at := 3
	if size >= mysqlOKLeast {
		_, rows := mysqlInt(body[1:])
		_, id := mysqlInt(body[1+rows:])
		if rows == 0 || id == 0 {
			return 0, false
		}
		at = 1 + rows + id
	}
	if len(body) < at+2 {
		return 0, false
	}
	return binary.LittleEndian.Uint16(body[at:]), true
}

// mysqlInt reads a number of variable length. One of 0 bytes is none, or is not whole.
func mysqlInt(b []byte) (value uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch b[0] {
	case 0xfb, 0xff:
		return 0, 0
	case 0xfc:
		n = 2
	case 0xfd:
		n = 3
	case 0xfe:
		n = 8
	default:
		return uint64(b[0]), 1
	}
	if len(b) < 1+n {
		return 0, 0
	}
	for i := n; i > 0; i-- {
		value = value<<8 | uint64(b[i])
	}
	return value, 1 + n
}

// mysqlDefine notes that count definitions follow, and next in the group behind them.
func mysqlDefine(d *Dialogue, count, next uint64) {
	s := &d.streams[FromUpstream]
	s.more, s.stage = count|next<<32, mysqlDefined
}

// mysqlDefinition notes a definition.
func mysqlDefinition(d *Dialogue) (kind uint8) {
	s := &d.streams[FromUpstream]
	if s.more--; uint32(s.more) > 0 {
		return mysqlGoesOn
	}
	if d.facts&mysqlNoEOF != 0 {
		return mysqlGroupEnds(d)
	}
	s.stage = mysqlEndOfDefs
	return mysqlGoesOn
}

// mysqlDefinitionsEnd reads the EOF behind definitions.
func mysqlDefinitionsEnd(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	if len(body) == 0 || body[0] != mysqlEOF {
		return mysqlUnknown, NoFault
	}
	status, ok := mysqlStatus(body, size)
	switch {
	case !ok:
		return 0, FaultMySQLReply
	case mysqlAwaited(d) == mysqlResult && status&mysqlCursor != 0:
		return mysqlResultEnds(d, status), NoFault
	}
	return mysqlGroupEnds(d), NoFault
}

// mysqlGroupEnds says what follows a group of definitions.
func mysqlGroupEnds(d *Dialogue) (kind uint8) {
	s := &d.streams[FromUpstream]
	switch {
	case mysqlAwaited(d) == mysqlResult:
		s.stage = mysqlRowsNext
	case s.more>>32 > 0:
		mysqlDefine(d, s.more>>32, 0)
	default:
		return mysqlEnds
	}
	return mysqlGoesOn
}

// mysqlPrepares reads the first message of the reply to COM_STMT_PREPARE.
func mysqlPrepares(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	if body[0] != mysqlOK || size < 9 {
		return 0, FaultMySQLReply
	}
	columns, params := uint64(binary.LittleEndian.Uint16(body[5:])), uint64(binary.LittleEndian.Uint16(body[7:]))
	left := d.facts&mysqlMetadata != 0 && len(body) > 12 && body[12] == 0
	switch {
	case left || columns == 0 && params == 0:
		return mysqlEnds, NoFault
	case params == 0:
		mysqlDefine(d, columns, 0)
	default:
		mysqlDefine(d, params, columns)
	}
	return mysqlGoesOn, NoFault
}

// mysqlResultBegins reads the first message of a result.
func mysqlResultBegins(d *Dialogue, size uint64, body []byte) (kind uint8, fault Fault) {
	optional := d.facts&(mysqlMetadata|mysqlMariaMeta) != 0
	switch {
	case body[0] == mysqlLocal:
		return mysqlWantsFile, NoFault
	case body[0] == mysqlOK && (size >= mysqlOKLeast || !optional):
		status, ok := mysqlStatus(body, max(size, mysqlOKLeast))
		if !ok {
			return 0, FaultMySQLReply
		}
		return mysqlResultEnds(d, status), NoFault
	}
	count, ok := mysqlColumns(body, optional)
	s := &d.streams[FromUpstream]
	switch {
	case !ok || count > mysqlMaxColumn:
		return 0, FaultMySQLReply
	case count > 0:
		mysqlDefine(d, count, 0)
	case d.facts&mysqlNoEOF != 0:
		s.stage = mysqlRowsNext
	default:
		s.stage = mysqlEndOfDefs
	}
	return mysqlGoesOn, NoFault
}

// mysqlColumns reads how many definitions follow. MySQL is documented to have the byte that says whether there are any before
// the count, MariaDB behind it. As no count is 0, either can be told from the other.
func mysqlColumns(body []byte, optional bool) (count uint64, ok bool) {
	count, n := mysqlInt(body)
	switch {
	case !optional || n == len(body):
		return count, count > 0
	case n == 0:
		return 0, false
	case body[0] == 0 || body[n] == 0:
		return 0, true
	case body[0] == 1 && body[1] > 1:
		count, n = mysqlInt(body[1:])
		return count, n > 0
	}
	return count, true
}
