package relay

import (
	"net/netip"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
	"idlegate/gateway/internal/upstream"
)

// View is a copy of an open connection at one instant.
type View struct {
	ID       uint64
	Loop     int   // that owns it
	Slot     int32 // in which that loop holds it, until it ends
	Route    *Route
	Client   netip.AddrPort     // invalid for unix sockets
	Origin   *Origin            // nil: it had said nothing before it had its route; read only
	Endpoint *upstream.Endpoint // nil: none yet
	Session  session.Session
	State    State
	Draining session.Reason   // RouteRemoved or Drained; Open: it does not drain
	DrainBy  deadline.Instant // Never: it does not, or whenever it ends by itself
	At       deadline.Instant
	TLS      [2]*tlsio.Facts // by side; nil: it speaks none, or its handshake is not over
	Rates    []RateLeft      // that bound what its client sends; only Find says so
	Peers    [2]Peer         // by side; only Find says so
	token    uint64
}

// Peer is what waits for one peer of a connection, and what the kernel says of it.
type Peer struct {
	Connected bool
	Held      int // bytes that the gateway holds for it
	Path      reactor.Path
}

func (c *conn) peer(side session.Side) Peer {
	leg := c.leg(side)
	p := Peer{Connected: leg.fd >= 0, Held: leg.pending.size()}
	if c.extra != nil { // what is kept of the other direction goes to this peer
		from := protocol.FromClient
		if side == session.Client {
			from = protocol.FromUpstream
		}
		p.Held += len(c.extra.kept(from).buf) - c.extra.kept(from).passed
	}
	if p.Connected {
		p.Path = reactor.PathOf(int(leg.fd))
	}
	return p
}

// State is where an open connection stands.
type State uint8

const (
	Shaking  State = iota // the client's TLS handshake is under way
	Awaiting              // its first message, before which it has no upstream
	Dialling              // an endpoint
	Relaying
)

// Views appends to views copies of the open connections in the slots from first on, as many as are given, and returns the slot to go on
// with; more is false when there is none. It is called through Post, once for each part, so that connections get their
// turn in between.
func (l *Loop) Views(views []View, first, slots int32) (all []View, next int32, more bool) {
	l.tick()
	end := l.slab.end()
	for next = first; next < min(end, first+slots); next++ {
		if c := l.slab.at(next); c.isOpen() && !c.route.checks {
			views = append(views, l.view(c))
		}
	}
	return views, next, next < end
}

// Find looks in the slots from first on, as many as are given, for the open connection with that id, and copies it. It is called as Views is.
func (l *Loop) Find(id uint64, first, slots int32) (v View, found bool, next int32, more bool) {
	l.tick()
	end := l.slab.end()
	for next = first; next < min(end, first+slots); next++ {
		if c := l.slab.at(next); c.id == id && c.isOpen() && !c.route.checks {
			v = l.view(c)
			v.Rates, v.Peers = l.ratesLeft(c), [2]Peer{c.peer(session.Client), c.peer(session.Upstream)}
			return v, true, next, false
		}
	}
	return View{}, false, next, next < end
}

// view returns a copy of c that shares nothing with it.
func (l *Loop) view(c *conn) View {
	var v View
	l.show(&v, c)
	return v.Clone()
}

// show makes v a copy of c that shares with it what View.Clone copies.
func (l *Loop) show(v *View, c *conn) {
	*v = View{
		ID: c.id, Loop: l.cfg.Index, Slot: c.slot, Route: c.route, Client: c.clientAddr.address(), Origin: c.origin(), Session: c.session,
		State: Relaying, Draining: l.drain.reason(c, session.Open), DrainBy: deadline.Never, At: l.now, token: c.token(session.Client),
	}
	if c.use.Reserved() {
		v.Endpoint = c.use.Endpoint
	}
	if c.extra != nil && c.extra.tls != nil {
		v.TLS = [2]*tlsio.Facts{c.extra.tls.client.facts, c.extra.tls.upstream.facts}
	}
	switch c.phase {
	case shaking:
		v.State = Shaking
	case awaiting:
		v.State = Awaiting
	case dialling:
		v.State = Dialling
	}
	if v.Draining != session.Open {
		v.DrainBy = l.drain.at(c)
	}
}
