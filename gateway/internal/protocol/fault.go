package protocol

// Fault says what broke a stream.
type Fault uint8

const (
	NoFault Fault = iota
	FaultMagic
	FaultLengthNegative
	FaultVarint
	FaultTooLarge
	FaultOpaque

	FaultMQTTType
	FaultMQTTFirst
	FaultMQTTFlags
	FaultMQTTLength
	FaultMQTTPing
	FaultMQTTConnect

	FaultModbusProtocol
	FaultModbusLength

	FaultKafkaSize

	FaultAMQPMagic
	FaultAMQPType
	FaultAMQPHeartbeat
	FaultAMQPEnd

	FaultNATSVerb
	FaultNATSLine
	FaultNATSSize
	FaultNATSEnd

	FaultWebSocketRequest
	FaultWebSocketSize
	FaultWebSocketResponse
	FaultWebSocketInterim
	FaultWebSocketEarly
	FaultWebSocketReserved
	FaultWebSocketOpcode
	FaultWebSocketControl
	FaultWebSocketOrder
	FaultWebSocketMask
	FaultWebSocketLength

	FaultSTOMPCommand
	FaultSTOMPHeaders
	FaultSTOMPLength
	FaultSTOMPEnd

	FaultFIXBegin
	FaultFIXLength
	FaultFIXType
	FaultFIXTrailer

	FaultRESPType
	FaultRESPRequest
	FaultRESPCount
	FaultRESPBody

	FaultMemcachedFirst
	FaultMemcachedLine
	FaultMemcachedSize
	FaultMemcachedData
	FaultMemcachedMagic

	FaultPostgresEarly
	FaultPostgresLength
	FaultPostgresVersion
	FaultPostgresGrant
	FaultPostgresType

	FaultMySQLEarly
	FaultMySQLVersion
	FaultMySQLHandshake
	FaultMySQLSequence
	FaultMySQLCommand
	FaultMySQLReply

	faults // how many there are
)

var faultTexts = [faults]string{
	NoFault:             "none",
	FaultMagic:          "the message does not begin with the magic of length_field",
	FaultLengthNegative: "the length field and its adjustment make a length below 0",
	FaultVarint:         "the varint before the body has more than 32 bits",
	FaultTooLarge:       "the message is larger than message_size",
	FaultOpaque:         "the stream turns into one that is not understood, and the route has opaque: close",

	FaultMQTTType:    "an MQTT packet of a type that this side does not send",
	FaultMQTTFirst:   "CONNECT is the first MQTT packet of a client, and only the first",
	FaultMQTTFlags:   "the flags of an MQTT packet are none that its type has",
	FaultMQTTLength:  "the remaining length of an MQTT packet has more than 4 bytes",
	FaultMQTTPing:    "a PINGREQ or PINGRESP with a payload",
	FaultMQTTConnect: "CONNECT does not begin as in MQTT 3.1, 3.1.1 or 5",

	FaultModbusProtocol: "the protocol identifier of a Modbus message is not 0",
	FaultModbusLength:   "the length of a Modbus message is not 2 to 254",

	FaultKafkaSize: "the size of a Kafka message is negative, or less than its header has",

	FaultAMQPMagic:     "the client does not begin with AMQP's protocol header",
	FaultAMQPType:      "an AMQP frame of a type that there is none of",
	FaultAMQPHeartbeat: "an AMQP heartbeat with a payload, or on another channel than 0",
	FaultAMQPEnd:       "an AMQP frame does not end with CE",

	FaultNATSVerb: "a NATS line begins with no verb that this side has",
	FaultNATSLine: "a NATS line is longer than 4096 bytes",
	FaultNATSSize: "the last argument of a NATS line is not the size of a payload",
	FaultNATSEnd:  "a NATS payload is not followed by CR LF",

	FaultWebSocketRequest:  "the client does not begin with GET",
	FaultWebSocketSize:     "the client's HTTP request is larger than 64 KiB or than message_size",
	FaultWebSocketResponse: "the server does not answer the upgrade with HTTP/1",
	FaultWebSocketInterim:  "the server's responses to the upgrade have more than 64 KiB in all",
	FaultWebSocketEarly:    "the client sends frames before the upgrade is granted",
	FaultWebSocketReserved: "a reserved bit of a WebSocket frame is set",
	FaultWebSocketOpcode:   "a WebSocket frame of an opcode that there is none of",
	FaultWebSocketControl:  "a WebSocket control frame that is fragmented or has more than 125 bytes",
	FaultWebSocketOrder:    "a WebSocket continuation that continues nothing, or a message inside of another",
	FaultWebSocketMask:     "a WebSocket frame of a client that is not masked, or of a server that is",
	FaultWebSocketLength:   "the length of a WebSocket frame is 2^63 or more",

	FaultSTOMPCommand: "a STOMP frame begins with no command that this side has",
	FaultSTOMPHeaders: "the command and headers of a STOMP frame are larger than 16 KiB",
	FaultSTOMPLength:  "the content-length of a STOMP frame is no number",
	FaultSTOMPEnd:     "a STOMP body is not followed by NUL",

	FaultFIXBegin:   "a FIX message does not begin with 8=FIX, a version and 9=",
	FaultFIXLength:  "the BodyLength of a FIX message is no number of 1 to 9 digits, or too little for its MsgType",
	FaultFIXType:    "the third field of a FIX message is not its MsgType, 35",
	FaultFIXTrailer: "the body of a FIX message is not followed by a CheckSum, 10=nnn",

	FaultRESPType:    "a RESP value begins with no type that may stand there",
	FaultRESPRequest: "a RESP request is neither an array of bulk strings nor a line",
	FaultRESPCount:   "the count of a RESP value is no number, or too large",
	FaultRESPBody:    "a RESP bulk string is not followed by CR LF",

	FaultMemcachedFirst: "a memcached server speaks before its client",
	FaultMemcachedLine:  "a memcached line is longer than 8 KiB",
	FaultMemcachedSize:  "the size of memcached data is no number, or is less than the key and extras that it includes",
	FaultMemcachedData:  "memcached data is not followed by CR LF",
	FaultMemcachedMagic: "a binary memcached packet does not begin with 80 from a client, or 81 from a server",

	FaultPostgresEarly:   "a PostgreSQL message where the other side is to speak, or none is to come",
	FaultPostgresLength:  "the length of a PostgreSQL message is less than its header, or a startup message is larger than 10,000 bytes",
	FaultPostgresVersion: "a PostgreSQL startup message of another protocol than 3",
	FaultPostgresGrant:   "a PostgreSQL server answers a request for encryption with none of S, G, N, E",
	FaultPostgresType:    "a PostgreSQL message of a type that this side does not send",

	FaultMySQLEarly:     "a MySQL packet where the other side is to speak",
	FaultMySQLVersion:   "a MySQL server greets with another protocol than 10",
	FaultMySQLHandshake: "a MySQL greeting or the response to it is shorter than its fields, or a greeting is larger than 4096 bytes",
	FaultMySQLSequence:  "the sequence number of a MySQL packet is not the next",
	FaultMySQLCommand:   "a MySQL command has no byte",
	FaultMySQLReply:     "the first packet of a MySQL result or the status behind it is shorter than its fields, or counts no columns or more than 65535",
}

// String returns what is wrong, in a clause.
func (f Fault) String() string { return faultTexts[f] }

// breaks notes why a stream ends.
func (s *State) breaks(f Fault) (int, Event) {
	s.fault = f
	if f == FaultTooLarge {
		return 0, TooLarge
	}
	return 0, Violation
}

// Fault returns why Scan gave Violation or TooLarge in that direction.
func (d *Dialogue) Fault(from Direction) Fault { return d.streams[from].fault }
