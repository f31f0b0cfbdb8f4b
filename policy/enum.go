package policy

// The words of the file that choose among a few. Each type's String is the word itself, and its zero value is the
// file's default unless its comment says otherwise.

// Kind tells the two kinds of connection apart.
type Kind uint8

const (
	Short Kind = iota + 1 // lasts so long and no longer, whatever it does
	Long                  // lasts as long as whole messages keep coming
)

// ResetOn says whose complete messages restart idle_timeout. The default is FromEither on raw, else FromClient.
type ResetOn uint8

const (
	ResetOnClient ResetOn = iota + 1
	ResetOnUpstream
	ResetOnEither
)

// Close says how a connection is closed by the gateway.
type Close uint8

const (
	CloseFIN Close = iota // what was read for the client is delivered first
	CloseRST              // at once, with a reset
)

// OnFull says what happens to a client who comes when max_connections are open.
type OnFull uint8

const (
	OnFullWait   OnFull = iota // it stays in the kernel's backlog
	OnFullRefuse               // it is reset
)

// Balance says how an endpoint is chosen.
type Balance uint8

const (
	LeastConnections Balance = iota
	RoundRobin
)

// ConnectOn says when the upstream connection is made.
type ConnectOn uint8

const (
	ConnectOnAccept       ConnectOn = iota // as soon as the client is there
	ConnectOnFirstMessage                  // when a whole message has come
)

// LogLevel is the least severity that is logged.
type LogLevel uint8

const (
	LevelInfo LogLevel = iota
	LevelDebug
	LevelWarn
	LevelError
)

// LogFormat is the form of a log line.
type LogFormat uint8

const (
	FormatText LogFormat = iota
	FormatJSON
)

// LogConnections says which ended connections get a line.
type LogConnections uint8

const (
	ConnectionsAll    LogConnections = iota
	ConnectionsFaults                // only those ended by neither side's own FIN
	ConnectionsNone
)

// Framing is the way a protocol's byte stream divides into messages. It has no default.
type Framing uint8

const (
	Raw Framing = iota + 1
	LengthField
	Delimiter
	Fixed
	Varint
)

// ByteOrder is that of a length field.
type ByteOrder uint8

const (
	BigEndian ByteOrder = iota
	LittleEndian
)

// Timer is the YAML key of one timer of a policy.
type Timer string

const (
	TimerDeadline            Timer = "deadline"
	TimerReadDeadline        Timer = "read_deadline"
	TimerWriteDeadline       Timer = "write_deadline"
	TimerIdleTimeout         Timer = "idle_timeout"
	TimerFirstMessageTimeout Timer = "first_message_timeout"
	TimerMessageTimeout      Timer = "message_timeout"
	TimerMaxLifetime         Timer = "max_lifetime"
	TimerWriteTimeout        Timer = "write_timeout"
	TimerHalfCloseTimeout    Timer = "half_close_timeout"
)

// Protocol says where the messages of one direction end.
type Protocol struct {
	Framing     Framing
	LengthField LengthFieldFraming
	Delimiter   []byte // of delimiter; default "\n"
	FixedSize   int64  // of fixed; bytes, more than 0
}

// LengthFieldFraming describes messages of Offset + Size + value + Adjustment bytes.
type LengthFieldFraming struct {
	Magic      []byte // stands at the start of each message; may be empty, never reaches into the length field
	Offset     int    // bytes before the length field; default: those of Magic
	Size       int    // bytes of the length field: 1, 2, 3, 4 or 8
	ByteOrder  ByteOrder
	Adjustment int64 // added to the value; may be negative
}
