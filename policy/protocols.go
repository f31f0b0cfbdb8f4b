package policy

import "gopkg.in/yaml.v3"

// Traits are what the rest of the program, and the rules of Parse, must know of a protocol.
type Traits struct {
	Name              string // in the file
	Message           string // what one message is, in Markdown
	Named             bool   // it is a protocol by itself, which sees both directions, and no framing of one
	NoMessages        bool   // every read counts as one, so that sizes and boundaries mean nothing
	ServerSpeaksFirst bool   // first_message_timeout starts with the server's first message
	PairsReplies      bool   // a request awaits its reply
	Answerable        bool   // the gateway can answer a heartbeat
	Unanswerable      string // why it can not, of a protocol by itself
	Probeable         bool   // the gateway can ask a silent client for a sign of life
	Negotiates        bool   // the two sides agree on a keepalive, which idle_timeout can follow
	Farewell          bool   // the protocol has a message that says goodbye
	Heartbeats        bool   // it knows its heartbeats; a framing, those of its route
	Transactions      bool   // it tells whether a transaction is open
	TurnsOpaque       bool   // a stream of it may go on as one that is not understood
	Listens           bool   // its clients may have nothing to say for long, though they are well

	// For the reference, in Markdown; "" where there is none.
	HeartbeatIs  string // its heartbeats
	NegotiatedBy string // where the two sides agree on a keepalive, and what idle_timeout makes of it
	ProbeIs      string // what the gateway asks a client
	FarewellIs   string // what it says when a timer, a drain or an open transaction ends a connection
}

// protocolRow is a protocol in the table: its traits and how the file writes it.
type protocolRow struct {
	Traits
	framing  Framing
	needs    string                // why the name does not stand alone, "" where it does
	standard func(p *Protocol)     // what the name alone means; nil: nothing more
	takes    func(*Protocol) value // what its mapping takes
}

// protocols is the one table of the protocols there are. A protocol that is not in it is unknown to the file.
func protocols() []protocolRow {
	return []protocolRow{
		{framing: Raw, takes: noKeys, Traits: Traits{
			Name: "raw", NoMessages: true, Message: "every read; a plain proxy, whose message counts depend on chance",
		}},
		{framing: LengthField, needs: "length_field needs the size of its field, as in {length_field: {size: 4}}",
			takes: func(p *Protocol) value { return alone(p.LengthField.keys()).then(p.LengthField.settle) }, Traits: Traits{
				Name: "length_field", HeartbeatIs: framedHeartbeat, ProbeIs: framedProbe, Answerable: true, Probeable: true, Heartbeats: true, Message: "`offset + size + value + adjustment` bytes, as in Netty's LengthFieldBasedFrameDecoder",
			}},
		{framing: Delimiter, standard: func(p *Protocol) { p.Delimiter = []byte("\n") },
			takes: func(p *Protocol) value { return byteString(&p.Delimiter) }, Traits: Traits{
				Name: "delimiter", HeartbeatIs: framedHeartbeat, ProbeIs: framedProbe, Answerable: true, Probeable: true, Heartbeats: true, Message: "what ends with the delimiter; a newline where none is given",
			}},
		{framing: Fixed, needs: "fixed needs the size of a message, as in {fixed: {size: 64}}",
			takes: func(p *Protocol) value { return alone(p.fixedKeys()) }, Traits: Traits{
				Name: "fixed", HeartbeatIs: framedHeartbeat, ProbeIs: framedProbe, Answerable: true, Probeable: true, Heartbeats: true, Message: "`size` bytes",
			}},
		{framing: Varint, takes: noKeys, Traits: Traits{
			Name: "varint", HeartbeatIs: framedHeartbeat, ProbeIs: framedProbe, Answerable: true, Probeable: true, Heartbeats: true, Message: "a length as a varint, as in Protocol Buffers, and that many bytes",
		}},
		named(RESP, Traits{Name: "resp", HeartbeatIs: "PING, and what replies to it", FarewellIs: "`-ERR idle timeout`; `-ERR server is shutting down`",
			PairsReplies: true, Answerable: true, Farewell: true, Heartbeats: true, TurnsOpaque: true,
			Message: "a request or a reply of Redis or Valkey, RESP 2 and 3"}),
		named(MQTT, Traits{Name: "mqtt", HeartbeatIs: "PINGREQ, PINGRESP", NegotiatedBy: "CONNECT, CONNACK of MQTT 5; × 1.5", FarewellIs: "in MQTT 5 DISCONNECT, 8D; 8B",
			Answerable: true, Negotiates: true, Farewell: true, Heartbeats: true,
			Message: "a control packet of MQTT 3.1, 3.1.1 or 5"}),
		named(Postgres, Traits{Name: "postgres", FarewellIs: "FATAL, 57P05; 57P01; 25P03",
			PairsReplies: true, Farewell: true, Transactions: true, TurnsOpaque: true, Unanswerable: "it has no heartbeats",
			Message: "a message of PostgreSQL's protocol 3"}),
		named(MySQL, Traits{Name: "mysql", HeartbeatIs: "COM_PING, and what replies to it", FarewellIs: "ERR, 4031; 1053",
			ServerSpeaksFirst: true, PairsReplies: true, Farewell: true, Heartbeats: true, TurnsOpaque: true, Unanswerable: "its packets are numbered",
			Message: "a packet of MySQL or MariaDB, or several that belong together by their size"}),
		named(WebSocket, Traits{Name: "websocket", HeartbeatIs: "ping, pong", ProbeIs: "ping", FarewellIs: "Close, 1001; 1012",
			Answerable: true, Probeable: true, Farewell: true, Heartbeats: true, TurnsOpaque: true, Listens: true,
			Message: "the HTTP request, its response, and then a message in all its frames, or a control frame"}),
		named(AMQP, Traits{Name: "amqp", HeartbeatIs: "frames of type 8", NegotiatedBy: "Tune-Ok; × 2", FarewellIs: "Connection.Close, 320",
			Negotiates: true, Farewell: true, Heartbeats: true, TurnsOpaque: true, Unanswerable: "each side watches the other, and would end it",
			Message: "a frame of AMQP 0-9-1"}),
		named(STOMP, Traits{Name: "stomp", HeartbeatIs: "a line end between two frames", NegotiatedBy: "`heart-beat`; × 2", FarewellIs: "ERROR",
			Negotiates: true, Farewell: true, Heartbeats: true, Listens: true, Unanswerable: "each side watches the other, and would end it",
			Message: "a frame of STOMP 1.0 to 1.2, or a line end between two"}),
		named(FIX, Traits{Name: "fix", HeartbeatIs: "35=0, 35=1", NegotiatedBy: "Logon, 108; × 2.4",
			Negotiates: true, Heartbeats: true, Unanswerable: "its messages are numbered",
			Message: "a message of FIX 4 or FIXT 1.1, in tag=value"}),
		named(NATS, Traits{Name: "nats", HeartbeatIs: "PING, PONG", ProbeIs: "PING", FarewellIs: "`-ERR 'Stale Connection'`",
			ServerSpeaksFirst: true, Answerable: true, Probeable: true, Farewell: true, Heartbeats: true, Listens: true,
			Message: "a line of NATS, with its payload"}),
		named(Memcached, Traits{Name: "memcached", HeartbeatIs: "`mn`, binary no-op, and what replies to them", FarewellIs: "in text `SERVER_ERROR`",
			PairsReplies: true, Answerable: true, Farewell: true, Heartbeats: true,
			Message: "a request or a whole reply of memcached: text, meta or binary"}),
		named(Kafka, Traits{Name: "kafka", PairsReplies: true, Unanswerable: "it has no heartbeats",
			Message: "a request or a response of Kafka"}),
		named(Modbus, Traits{Name: "modbus", PairsReplies: true, Unanswerable: "it has no heartbeats",
			Message: "a request or a reply of Modbus TCP"}),
	}
}

// What the framings have in common.
const (
	framedHeartbeat = "`heartbeat.match` and `answer` of the route"
	framedProbe     = "`heartbeat.match`, or `probe.send`"
)

// named is the row of a protocol by itself, whose name is all that the file says of it.
func named(f Framing, t Traits) protocolRow {
	t.Named = true
	return protocolRow{framing: f, takes: noKeys, Traits: t}
}

// Protocols are the traits of every protocol, in the order of the reference.
func Protocols() []Traits {
	var all []Traits
	for _, row := range protocols() {
		all = append(all, row.Traits)
	}
	return all
}

// Traits are those of p's protocol.
func (p Protocol) Traits() Traits { return rowOf(p.Framing).Traits }

func rowOf(f Framing) protocolRow {
	for _, row := range protocols() {
		if row.framing == f {
			return row
		}
	}
	return protocolRow{}
}

// standAlone are the protocols whose name is enough.
func standAlone() []string {
	var names []string
	for _, row := range protocols() {
		if row.needs == "" {
			names = append(names, row.Name)
		}
	}
	return names
}

// alone takes a mapping whose defaults hold only where it is written.
func alone(list keys) value {
	v := mapping(list)
	read := v.read
	v.read = func(c cursor) { list.setDefaults(); read(c) }
	v.nested = false
	return v
}

func noKeys(*Protocol) value {
	return alone(keys{}).printed(func() *yaml.Node { return nil })
}
