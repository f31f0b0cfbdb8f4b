// Package protocol finds where the messages of a byte stream end.
//
// A Framer is the rule of one protocol, made once for a route and shared by all its sessions. A State is where one
// direction of one session stands. Scan reads on from there in whatever the socket gave, be it half a header or a hundred
// messages, and the same stream gives the same messages however it is cut into reads:
//
//	for len(b) > 0 {
//		n, event := framer.Scan(&state, b)
//		switch event {
//		case protocol.None: // n is len(b): the message goes on
//		case protocol.Message: // b[n-1] is its last byte
//		default: // Violation or TooLarge: the stream ends here
//			return event
//		}
//		b = b[n:]
//	}
//
// Nothing is buffered and nothing is allocated. A body whose length is known need not be read at all: Ahead tells how
// many bytes of it follow, and Skip takes note that they were passed on by other means.
//
// To add a protocol, give it a file that draws its layout, a Framer that is not written to once it was made, a
// reference splitter in reference_test.go that looks at the whole stream at once, and a row in the table of
// cut_test.go. A protocol that remembers more than State has now adds its fields and phases there, within 32 bytes.
package protocol

// Event is what a Scan came to.
type Event uint8

const (
	None      Event = iota // the bytes are used up, inside a message or between two
	Message                // a message is complete
	Violation              // the stream breaks the protocol
	TooLarge               // the message under way is larger than the limit, or will be
)

// String returns the event's name in lower case.
func (e Event) String() string {
	switch e {
	case None:
		return "none"
	case Message:
		return "message"
	case Violation:
		return "violation"
	case TooLarge:
		return "too large"
	}
	return "unknown event"
}

// Framer is the rule by which one protocol's stream divides into messages. It may be used by many goroutines, each with
// States of its own, and all Scans of one State are by the same Framer or by those that its Limited has given.
type Framer interface {
	// Scan reads on in b from where s stands, to the end of the message under way at most, and returns how many bytes
	// of b it took: all of them at None, those up to the end of the message at Message. An empty b gives None.
	//
	// Violation and TooLarge come with the byte that shows the fault, however the stream is cut: a message is too large as
	// soon as its header says so, or when it exceeds the limit unfinished. After them n is 0, nothing of b belongs to a
	// sound message, and s must not be used again.
	Scan(s *State, b []byte) (n int, event Event)

	// Limited returns the same rule with another limit, 0 for none. It can go on in the middle of a stream: a message
	// whose end is known already comes to it, one whose end is not is too large as soon as it exceeds the new limit.
	Limited(limit uint64) Framer
}
