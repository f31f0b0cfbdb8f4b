package ledger

import (
	"net/netip"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
)

// Ended describes a connection that has ended.
type Ended struct {
	ID         uint64
	Route      string
	Client     netip.AddrPort // invalid for unix sockets
	Proxy      netip.AddrPort // that has said so in a PROXY header; invalid: none has
	ServerName string         // by which the client has asked; "": none is known
	Endpoint   string         // tried last; "" if none was
	Error      string         // of the last attempt to connect, if no other has succeeded since
	Reason     session.Reason
	At         deadline.Instant
	Duration   time.Duration
	Silence    time.Duration // the longest without a complete client message
	Bytes      [2]uint64     // by sender
	Messages   [2]uint64     // by sender, heartbeats included
	Heartbeats [2]uint64     // by sender
	Breach     *Breach       // nil: its protocol was not broken
	TLS        *tlsio.Facts  // with the client; nil: none, or its handshake was not over
}

// Breach is where and how a stream broke its protocol.
type Breach struct {
	Rule   string // what is wrong
	From   protocol.Direction
	Offset uint64 // bytes of that stream that were sound
	Bytes  []byte // some around the first that was not
}

// recently is how many connections a Recent remembers.
const recently = 256

// Recent are the connections that ended last on one loop.
type Recent struct {
	ring [recently]Ended
	next int
}

// Add remembers e, and forgets the oldest.
func (r *Recent) Add(e Ended) {
	r.ring[r.next] = e
	r.next = (r.next + 1) % recently
}

// List copies them, the latest first.
func (r *Recent) List() (all []Ended) {
	for i := range recently {
		e := &r.ring[(r.next-1-i+2*recently)%recently]
		if e.ID == 0 {
			break
		}
		all = append(all, *e)
	}
	return all
}
