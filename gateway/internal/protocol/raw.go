package protocol

// Raw: no messages are known.
//
//	+---------------------+-------------+----
//	| what one read gave  | and another | ...
//	+---------------------+-------------+----
//
// Whatever a read gives counts as a message, so that the stream is at a boundary always and the count depends on chance.
type raw struct{}

// NewRaw returns the Framer of a plain proxy, to which every non-empty read is one message.
func NewRaw() Framer { return raw{} }

func (raw) Limited(uint64) Framer { return raw{} } // it has no messages to limit

func (raw) Scan(_ *State, b []byte) (int, Event) {
	if len(b) == 0 {
		return 0, None
	}
	return len(b), Message
}
