package relay

import (
	"net/netip"
	"syscall"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/upstream"
)

// phase is where a connection stands.
//
//	vacant ──► (shaking) ──► awaiting ──► dialling ──► relaying ──► closing ──► vacant
//
// From each that is open an end leads to closing, and from awaiting and dialling vacate to vacant, for a client that never becomes
// a session: its socket cannot be watched, there is no descriptor for the upstream's, or the loop has stopped.
type phase uint8

const (
	// The slot is free. Entered by slab.put, from closing or by vacate; left by open.
	vacant phase = iota
	// The client's TLS handshake is under way, or awaited. Entered by handshaker.withClient, from open for a route that speaks TLS; left
	// by handshaker.done, and by end.
	shaking
	// No upstream connection was asked for. Entered by open and handshaker.done; left at once by connector.first or connector.dial or,
	// with connect_on: first_message, by connector.dial when the message is whole; by end, and by vacate.
	awaiting
	// An upstream connection is being made, its TLS handshake included. Entered by connector.first and connector.dial; left by
	// connector.connected, by end where no endpoint is left, and by vacate.
	dialling
	// Both sides are there, and bytes are passed on. Entered by connector.connected; left by end.
	relaying
	// The session has ended; what was read is written, FINs are exchanged. Entered by end; left by closer.release when both sockets are
	// closed, a closeStep after the end, or after the last time that a side has taken all that waited for it, and at Stop.
	closing
)

// leg is one of the two sockets of a connection, in 24 bytes.
type leg struct {
	fd         int32  // -1: none
	unacked    uint32 // bytes that the peer had not acknowledged at the last look; 0: no look yet
	pending    outbox // what waits for this peer
	readable   bool   // there may be bytes to read
	readToEOF  bool   // a FIN or an error lies behind them: a short read is not the last one
	urgent     bool   // an urgent mark may lie among them
	unbuffered bool   // this peer did not take everything, and there was no memory to hold it
	failed     bool   // nothing can be written to this peer; what it sent before is still passed on
	errno      uint8  // of the socket, kept until reading comes upon the end; 0: none (Linux's go up to 133)
	pace       pace   // how this peer sends
	room       room   // whether this peer's taking what was written is heard of
}

// pace is how a peer sends, as its last read has shown. It decides how the next is made.
type pace uint8

const (
	ordinary pace = iota
	bulk          // enough that it pays to pass it on unread
	dense         // enough messages that others have their turn after one read
)

// hasPending reports whether bytes wait for this peer.
func (l *leg) hasPending() bool { return !l.pending.empty() || l.unbuffered }

// conn is a session and its sockets. It is plain data in a slot of its loop. What only some connections need is in extra.
type conn struct {
	// What a message does not touch.
	use        upstream.Use // of the endpoint of the attempt under way, the connection, or the last attempt that failed
	id         uint64
	clientAddr peer
	problem    problem        // of the last attempt to connect
	slot       int32          // for good
	lookAt     soon           // when to offer again what waits though nothing is under way; of one that is closing, when to look next; of one that waits for memory with a part of its first message, when that is given up
	closeEnd   soon           // when the step of closing under way is given up; before, when a client that is gone is
	settles    soon           // when the upstream connection has stood for upstream.Settle; 0: there is none, or it has
	failure    session.Reason // of the last attempt to connect
	draining   session.Reason // RouteRemoved or Drained: its route or its endpoint drains; Open: neither does
	marks      marks
	resets     session.SideSet // of one that is being closed: those that end with RST

	session session.Session // begins with what a message does not touch

	// What every message touches.
	generation uint32
	phase      phase
	queued     bool   // in the loop's backlog
	answers    uint16 // bytes of answers that have been queued since nothing waited for the client
	route      *Route
	extra      *extra // nil: it has nothing that few have
	client     leg
	upstream   leg
}

// marks are what may be so of a connection.
type marks uint8

const (
	counted      marks = 1 << iota // its route counts it by its source
	abandoned                      // of one that is being closed: reset it if it does not take what it was sent
	resetsAtOnce                   // its place is needed: its sockets are reset when it ends
	proxyV1                        // the upstream gets a PROXY header of version 1, in the attempt under way
	proxyV2                        // of version 2
)

func (m marks) has(of marks) bool { return m&of != 0 }

// peer is the address of a client in 18 bytes without a pointer; zero for one of a unix socket.
type peer struct {
	ip   [16]byte // IPv4 mapped
	port uint16
}

func peerOf(a netip.AddrPort) peer {
	if !a.IsValid() {
		return peer{}
	}
	return peer{a.Addr().As16(), a.Port()}
}

// address returns it as others know it; invalid for one of a unix socket.
func (p peer) address() netip.AddrPort {
	if p == (peer{}) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(p.ip).Unmap(), p.port)
}

// leg returns the socket of one side.
func (c *conn) leg(side session.Side) *leg {
	if side == session.Client {
		return &c.client
	}
	return &c.upstream
}

// sender returns the socket from which a direction is read.
func (c *conn) sender(from protocol.Direction) *leg { return c.leg(session.Sender(from)) }

// receiver returns the socket to which a direction is written.
func (c *conn) receiver(from protocol.Direction) *leg { return c.leg(session.Receiver(from)) }

func (c *conn) rules() *session.Rules { return &c.route.Rules }

// mayRead reports whether side has something to read that could be passed on.
func (c *conn) mayRead(side session.Side) bool {
	leg := c.leg(side)
	if !leg.readable || leg.fd < 0 || c.session.Flow(side.Sends()).FIN {
		return false
	}
	if side == session.Client { // whatever keeps it from being read is a pause
		return !c.session.Events.Paused() && (c.phase == relaying || c.phase == awaiting)
	}
	return c.phase == relaying && !c.client.hasPending() && !c.client.failed
}

// isOpen reports whether the session has not ended.
func (c *conn) isOpen() bool { return c.phase != closing && c.phase != vacant }

// goneFor returns why a session ends whose peer on side is gone.
func (c *conn) goneFor(side session.Side) session.Reason {
	if errno := syscall.Errno(c.leg(side).errno); errno != 0 && !reactor.IsReset(errno) {
		return c.session.Lost(side)
	}
	return c.session.Reset(side)
}

// token names one leg of a connection in an event: descriptors are used again, slots with their generation are not.
func (c *conn) token(side session.Side) uint64 {
	return uint64(c.generation)<<32 | uint64(c.slot)<<1 | uint64(side)
}

// connecting reports whether side is an upstream that was not connected when the session ended.
func (c *conn) connecting(side session.Side) bool {
	return side == session.Upstream && c.session.Events.ConnectBegan != 0
}

const slabChunk = 1024 // connections that are allocated at once, in whole pages of memory

// slab holds the connections of a loop by slot. Connections never move, and a slot that was used is used again first, so that
// the memory of those that never were is not touched.
type slab struct {
	chunks [][]conn
	free   []int32 // slots that were used
	fresh  int32   // slots from here on never were
	used   int
}

func (s *slab) at(slot int32) *conn { return &s.chunks[slot/slabChunk][slot%slabChunk] }

// take returns a vacant connection.
func (s *slab) take() *conn {
	s.used++
	if last := len(s.free) - 1; last >= 0 {
		slot := s.free[last]
		s.free = s.free[:last]
		return s.at(slot)
	}
	if int(s.fresh) == len(s.chunks)*slabChunk {
		s.chunks = append(s.chunks, make([]conn, slabChunk))
	}
	c := s.at(s.fresh)
	c.slot = s.fresh
	s.fresh++
	return c
}

// end returns the slot behind all that were ever used.
func (s *slab) end() int32 { return s.fresh }

// put vacates a connection. Events that still name it are told apart by their generation.
func (s *slab) put(c *conn) {
	*c = conn{slot: c.slot, generation: (c.generation + 1) & maxGeneration}
	s.free = append(s.free, c.slot)
	s.used--
}

// maxGeneration leaves the two upper bits of a token to those that name no connection: listenerToken and the poller's own.
const maxGeneration = 1<<30 - 1

// find returns the connection and side that token names, nil if it is gone.
func (s *slab) find(token uint64) (*conn, session.Side) {
	slot := int32(uint32(token) >> 1)
	if slot >= s.fresh {
		return nil, 0
	}
	c := s.at(slot)
	if c.phase == vacant || uint64(c.generation) != token>>32 {
		return nil, 0
	}
	return c, session.Side(token & 1)
}

// each calls f for every connection.
func (s *slab) each(f func(*conn)) {
	for slot := range s.fresh {
		if c := s.at(slot); c.phase != vacant {
			f(c)
		}
	}
}
