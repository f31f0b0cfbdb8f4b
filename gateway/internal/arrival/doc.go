// Package arrival finds out what a client that was accepted wants, before it has a route: it parses the PROXY header and the
// ClientHello that may lie at the start of its stream, chooses the route by what they say, and keeps the counts that limits go by.
//
//	accepted ──► PROXY header ──► ClientHello ──► route ──► access, limits
//
// It looks at bytes where they lie in the socket, and keeps none: who calls it peeks, and asks again when there is more. Both
// parsers say how many bytes there must be before it is worth asking again, so that a peer that sends one at a time costs little.
//
//	header, at := arrival.ParseHeader(peeked)
//	switch at.Stage {
//	case arrival.Incomplete: // wait until at.Need bytes lie there
//	case arrival.Complete:   // the header is peeked[:at.Length]
//	case arrival.Malformed:  // it is none
//	}
//
// The package knows no sockets and no clock.
package arrival

// Stage is what is known of the bytes at the start of a stream.
type Stage uint8

const (
	Incomplete Stage = iota // they may be the beginning of what was looked for
	Complete                // they have it
	Malformed               // they cannot have it, or it is too long
)

// Position says how far a parser has come.
type Position struct {
	Stage  Stage
	Need   int // Incomplete: bytes that there must be, from the start, before it is worth looking again
	Length int // Complete: of what was found, from the start
}

func needs(bytes int) Position { return Position{Need: bytes} }

var malformed = Position{Stage: Malformed}
