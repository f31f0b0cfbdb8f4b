package protocol

// Fault says what broke a stream.
type Fault uint8

const (
	NoFault Fault = iota
	FaultMagic
	FaultLengthNegative
	FaultVarint
	FaultTooLarge

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

	faults // how many there are
)

var faultTexts = [faults]string{
	NoFault:             "none",
	FaultMagic:          "the message does not begin with the magic of length_field",
	FaultLengthNegative: "the length field and its adjustment make a length below 0",
	FaultVarint:         "the varint before the body has more than 32 bits",
	FaultTooLarge:       "the message is larger than message_size",

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
