package session

import "idlegate/gateway/internal/protocol"

// Side is one of the two ends that the gateway stands between: who has a socket, takes bytes or does not, is gone. A
// protocol.Direction is one of the two streams between them, and has bytes, messages and an end. They are two types, so that the
// one is not taken for the other: each side sends one direction and receives the other.
type Side uint8

const (
	Client Side = iota
	Upstream
)

// Sides is how many sides there are, to range over.
const Sides Side = 2

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// Sends returns the direction of what the side sends.
func (s Side) Sends() protocol.Direction { return protocol.Direction(s) }

// Receives returns the direction of what the side is sent.
func (s Side) Receives() protocol.Direction { return s.Other().Sends() }

// Sender returns the side that sends what comes in a direction.
func Sender(from protocol.Direction) Side { return Side(from) }

// Receiver returns the side to which a direction goes.
func Receiver(from protocol.Direction) Side { return Sender(from).Other() }

// String returns the side's word in log and metrics.
func (s Side) String() string { return [...]string{"client", "upstream"}[s] }

// SideSet is a set of sides.
type SideSet uint8

// With returns the set and side.
func (s SideSet) With(side Side) SideSet { return s | 1<<side }

// Has reports whether side is in the set.
func (s SideSet) Has(side Side) bool { return s&(1<<side) != 0 }
