// Package protocol finds where the messages of a connection end, and what they are to the gateway.
//
// A Protocol is the rule of one route, made once and shared by all its connections. A Dialogue is where one connection
// stands in it: both directions, what is owed, what keepalive was agreed. Scan reads on from there in whatever the socket
// gave, be it half a header or a hundred messages, and the same stream gives the same messages however it is cut into
// reads:
//
//	for len(b) > 0 {
//		n, event := rule.Scan(&dialogue, protocol.FromClient, b)
//		switch event {
//		case protocol.None: // b[:n] is passed on, and the message goes on
//		case protocol.Message, protocol.Heartbeat: // b[n-1] is its last byte; b[:n] is passed on
//		case protocol.Answer, protocol.ProbeAnswer: // b[:n] is a whole message and is not passed on
//		case protocol.Withhold: // b may become one of those: it is not passed on yet, but given again with what comes next
//			return
//		case protocol.Partial: // b does not tell enough yet: it is passed on, and given again with what comes next
//			return
//		default: // Violation or TooLarge: the stream ends here
//			return dialogue.Fault(protocol.FromClient)
//		}
//		b = b[n:]
//	}
//
// Nothing is buffered and nothing is allocated. A body whose length is known need not be read at all: Ahead tells how
// many bytes of it follow, and Skip notes that they were passed on by other means.
//
// The general framings (length_field, delimiter, fixed, varint, raw) know each direction by itself: each is a Framer with a
// State, and Framing makes a Protocol of two of them. A protocol whose directions depend on each other implements
// Protocol itself, on the two States of the Dialogue and what else that has.
//
// To add a framing, give it a file that draws its layout, a Framer that is not written to once it was made, a
// reference splitter in reference_test.go that looks at the whole stream at once, and a row in the table of
// cut_test.go. To add a protocol, give it a file that draws its layout and conversations in a test of its own, as in mqtt_test.go.
package protocol

// Direction is one of the two byte streams of a connection, named after its sender.
type Direction uint8

const (
	FromClient Direction = iota
	FromUpstream
)

// Directions is how many directions there are, to range over.
const Directions Direction = 2

// Other returns the opposite direction.
func (d Direction) Other() Direction { return d ^ 1 }

// String returns the sender's word in log and metrics.
func (d Direction) String() string { return [...]string{"client", "upstream"}[d] }

// Event is what a Scan came to.
type Event uint8

const (
	None        Event = iota // the bytes belong to a message that goes on
	Message                  // a message is complete
	Heartbeat                // a message is complete that only says 'I am here'; it is passed on like any other
	Answer                   // a heartbeat is complete, and the gateway answers it: the bytes are not passed on
	ProbeAnswer              // the answer to the gateway's own probe is complete: the bytes are not passed on
	Withhold                 // the bytes may become one of the two before: none is passed on, and they are given again with more
	Partial                  // the bytes begin a header: they are passed on, and given again with more
	Violation                // the stream breaks the protocol
	TooLarge                 // the message under way is larger than the limit, or will be
)

var eventNames = [...]string{"none", "message", "heartbeat", "answer", "probe answer", "withhold", "partial", "violation", "too large"}

// String returns the event's name in lower case.
func (e Event) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return "unknown event"
}

// Broken reports whether the stream ends with e.
func (e Event) Broken() bool { return e == Violation || e == TooLarge }

// Protocol is the rule by which the two streams of a connection divide into messages. It may be used by many goroutines,
// each with Dialogues of its own, and all calls for one Dialogue are of the same Protocol or of those that its Limited has
// given.
type Protocol interface {
	// Scan reads on in b, come in direction from, from where d stands, to the end of the message under way at most, and
	// returns how many bytes of b it took: one or more at None, those up to the end of the message at the next four events,
	// none at the last four. At Answer and ProbeAnswer they are the whole message. An empty b gives None.
	//
	// Violation and TooLarge come with the byte that shows the fault, however the stream is cut: a message is too large as
	// soon as its header says so, or when it exceeds the limit unfinished. After them nothing of b belongs to a sound
	// message, and d serves only its Fault.
	//
	// Withhold is for messages that must be whole before it is known what becomes of them, Partial for headers that are
	// easier to read whole. What is given again is shorter than MaxAgain, and d stands at the start of it.
	Scan(d *Dialogue, from Direction, b []byte) (n int, event Event)

	// Skip notes that the next n bytes of that direction, Ahead at most, were passed on without being scanned. It
	// returns Message or Heartbeat if they completed the message under way, else None. To skip more than is known to
	// follow would lose the boundaries for good; it panics.
	Skip(d *Dialogue, from Direction, n uint64) Event

	// Limited returns the same rule with another limit of the bytes of a message, 0 for none. It can go on in the middle of
	// a stream: a message whose end is known already comes to it, one whose end is not is too large as soon as it exceeds
	// the new limit.
	Limited(limit uint64) Protocol
}

// MaxAgain is more than any message or header has that is given again until it is whole.
const MaxAgain = 16 << 10

// Answerer is a Protocol that can answer the client's heartbeats.
type Answerer interface {
	// Answer appends to dst the answer to a heartbeat for which Scan gave the event Answer, whole and as it came.
	Answer(dst, heartbeat []byte) []byte
}

// Prober is a Protocol that can ask a client whether it is there.
type Prober interface {
	// Probe appends the question to dst, and from then on Scan gives ProbeAnswer for what answers it. It appends nothing
	// where d does not let the gateway ask now.
	Probe(d *Dialogue, dst []byte) []byte
}

// Parting is why the gateway ends a connection, as far as a farewell says it.
type Parting uint8

const (
	TimedOut         Parting = iota // a timer of the policy has run out
	Draining                        // the gateway, the route or the endpoint drains
	TransactionStood                // idle_in_transaction_timeout has run out
)

// Farewell is a Protocol that has a message by which a server says that it closes.
type Farewell interface {
	// Farewell appends that message, in direction FromUpstream, to dst. It appends nothing where d stands at no place at
	// which the client would understand it.
	Farewell(d *Dialogue, why Parting, dst []byte) []byte
}

// Options are what a named protocol is made from.
type Options struct {
	Limit  uint64 // bytes of a message, 0: none
	Answer bool   // the gateway answers the client's heartbeats; where the protocol cannot have that it has no effect
}

// Framer is the rule by which one direction divides into messages, whatever the other says. It may be used by many
// goroutines, each with States of its own, and all Scans of one State are by the same Framer or by those that its Limited
// has given.
type Framer interface {
	// Scan is Protocol.Scan for one direction. Its events are None, Message, Violation and TooLarge.
	Scan(s *State, b []byte) (n int, event Event)

	// Limited is Protocol.Limited for one direction.
	Limited(limit uint64) Framer
}
