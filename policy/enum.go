package policy

import "fmt"

// The words of the file that choose among a few. Each type's String is the word itself, and its zero value is the
// file's default unless its comment says otherwise.

// enum is a type whose values are words; words()[value] is the value's word, "" where there is no such value.
type enum interface {
	~uint8
	words() []string
}

// wordOf is the String of every enum.
func wordOf[E enum](e E) string {
	if words := e.words(); int(e) < len(words) && words[e] != "" {
		return words[e]
	}
	return fmt.Sprintf("%T(%d)", e, uint8(e))
}

// valueOf is the value whose word is s.
func valueOf[E enum](s string) (E, bool) {
	var e E
	for i, word := range e.words() {
		if word == s && s != "" {
			return E(i), true
		}
	}
	return e, false
}

// Kind tells the two kinds of connection apart.
type Kind uint8

const (
	Short Kind = iota + 1 // lasts so long and no longer, whatever it does
	Long                  // lasts as long as whole messages keep coming
)

func (k Kind) String() string { return wordOf(k) }

func (Kind) words() []string {
	return []string{Short: "short", Long: "long"}
}

// ResetOn says whose complete messages restart idle_timeout. The default is ResetOnEither on raw, else
// ResetOnClient; only in Config.Policies is it 0, where the file leaves it to the routes that share a policy.
type ResetOn uint8

const (
	ResetOnClient ResetOn = iota + 1
	ResetOnUpstream
	ResetOnEither
)

func (r ResetOn) String() string { return wordOf(r) }

func (ResetOn) words() []string {
	return []string{ResetOnClient: "client", ResetOnUpstream: "upstream", ResetOnEither: "either"}
}

// Close says how a connection is closed by the gateway.
type Close uint8

const (
	CloseFIN Close = iota // what was read for the client is delivered first
	CloseRST              // at once, with a reset
)

func (c Close) String() string { return wordOf(c) }

func (Close) words() []string {
	return []string{CloseFIN: "fin", CloseRST: "rst"}
}

// Heartbeats says who answers the heartbeats of clients.
type Heartbeats uint8

const (
	HeartbeatForward Heartbeats = iota // the upstream does: they are passed on like any message
	HeartbeatAnswer                    // the gateway does, and the upstream never sees them
)

func (h Heartbeats) String() string { return wordOf(h) }

func (Heartbeats) words() []string {
	return []string{HeartbeatForward: "forward", HeartbeatAnswer: "answer"}
}

// Opaque says what becomes of a connection whose protocol turns opaque.
type Opaque uint8

const (
	OpaqueForward Opaque = iota // it goes on as one without messages
	OpaqueClose                 // it ends
)

func (o Opaque) String() string { return wordOf(o) }

func (Opaque) words() []string {
	return []string{OpaqueForward: "forward", OpaqueClose: "close"}
}

// OnFull says what happens to a client who comes when max_connections are open.
type OnFull uint8

const (
	OnFullWait        OnFull = iota // it stays in the kernel's backlog
	OnFullRefuse                    // it is reset
	OnFullEvictIdlest               // the connection whose client has been silent for longest makes room
)

func (o OnFull) String() string { return wordOf(o) }

func (OnFull) words() []string {
	return []string{OnFullWait: "wait", OnFullRefuse: "refuse", OnFullEvictIdlest: "evict_idlest"}
}

// Balance says how an endpoint is chosen.
type Balance uint8

const (
	LeastConnections Balance = iota
	RoundRobin
	Random     // of two, the one with fewer connections
	SourceHash // by the client's address
)

func (b Balance) String() string { return wordOf(b) }

func (Balance) words() []string {
	return []string{LeastConnections: "least_connections", RoundRobin: "round_robin", Random: "random", SourceHash: "source_hash"}
}

// ProxyProtocol says which PROXY header a backend gets.
type ProxyProtocol uint8

const (
	ProxyNone ProxyProtocol = iota
	ProxyV1                 // in text: the addresses
	ProxyV2                 // in binary: also what is known beside
)

func (p ProxyProtocol) String() string { return wordOf(p) }

func (ProxyProtocol) words() []string {
	return []string{ProxyNone: none, ProxyV1: "v1", ProxyV2: "v2"}
}

// Over says what happens to a client that sends more messages than it may.
type Over uint8

const (
	OverClose Over = iota // its connection ends
	OverDelay             // it is read later
)

func (o Over) String() string { return wordOf(o) }

func (Over) words() []string { return []string{OverClose: "close", OverDelay: "delay"} }

// ConnectOn says when the upstream connection is made.
type ConnectOn uint8

const (
	ConnectOnAccept       ConnectOn = iota // as soon as the client is there
	ConnectOnFirstMessage                  // when a whole message has come
)

func (c ConnectOn) String() string { return wordOf(c) }

func (ConnectOn) words() []string {
	return []string{ConnectOnAccept: "accept", ConnectOnFirstMessage: "first_message"}
}

// LogLevel is the least severity that is logged.
type LogLevel uint8

const (
	LevelInfo LogLevel = iota
	LevelDebug
	LevelWarn
	LevelError
)

func (l LogLevel) String() string { return wordOf(l) }

func (LogLevel) words() []string {
	return []string{LevelInfo: "info", LevelDebug: "debug", LevelWarn: "warn", LevelError: "error"}
}

// LogFormat is the form of a log line.
type LogFormat uint8

const (
	FormatText LogFormat = iota
	FormatJSON
)

func (f LogFormat) String() string { return wordOf(f) }

func (LogFormat) words() []string {
	return []string{FormatText: "text", FormatJSON: "json"}
}

// LogConnections says which ended connections get a line.
type LogConnections uint8

const (
	ConnectionsAll    LogConnections = iota
	ConnectionsFaults                // only those ended by neither side's own FIN
	ConnectionsNone
)

func (l LogConnections) String() string { return wordOf(l) }

func (LogConnections) words() []string {
	return []string{ConnectionsAll: "all", ConnectionsFaults: "faults", ConnectionsNone: "none"}
}

// Histograms says in which forms histograms are published.
type Histograms uint8

const (
	HistogramsBoth   Histograms = iota // classic and native
	HistogramsNative                   // without classic buckets
)

func (h Histograms) String() string { return wordOf(h) }

func (Histograms) words() []string {
	return []string{HistogramsBoth: "both", HistogramsNative: "native"}
}

// Framing is the way a protocol's byte stream divides into messages. It has no default.
type Framing uint8

const (
	Raw Framing = iota + 1
	LengthField
	Delimiter
	Fixed
	Varint
	RESP
	MQTT
	Postgres
	MySQL
	WebSocket
	AMQP
	STOMP
	FIX
	NATS
	Memcached
	Kafka
	Modbus
)

func (f Framing) String() string { return wordOf(f) }

func (Framing) words() []string {
	return []string{
		Raw: "raw", LengthField: "length_field", Delimiter: "delimiter", Fixed: "fixed", Varint: "varint",
		RESP: "resp", MQTT: "mqtt", Postgres: "postgres", MySQL: "mysql", WebSocket: "websocket", AMQP: "amqp", STOMP: "stomp", FIX: "fix",
		NATS: "nats", Memcached: "memcached", Kafka: "kafka", Modbus: "modbus",
	}
}

// ByteOrder is that of a length field.
type ByteOrder uint8

const (
	BigEndian ByteOrder = iota
	LittleEndian
)

func (b ByteOrder) String() string { return wordOf(b) }

func (ByteOrder) words() []string {
	return []string{BigEndian: "big", LittleEndian: "little"}
}
