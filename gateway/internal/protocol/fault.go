package protocol

// Fault says what broke a stream.
type Fault uint8

const (
	NoFault Fault = iota
	FaultMagic
	FaultLengthNegative
	FaultVarint
	FaultTooLarge
	faults // how many there are
)

var faultTexts = [faults]string{
	NoFault:             "none",
	FaultMagic:          "the message does not begin with the magic of length_field",
	FaultLengthNegative: "the length field and its adjustment make a length below 0",
	FaultVarint:         "the varint before the body has more than 32 bits",
	FaultTooLarge:       "the message is larger than message_size",
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
