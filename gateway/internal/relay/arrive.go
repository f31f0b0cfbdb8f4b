package relay

import (
	"time"

	"idlegate/gateway/internal/arrival"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// A client arrives from its accept until it has a route. What it sends first is looked at where it lies in the socket, so that it
// costs a slot and a deadline, and no buffer:
//
//	accept ──► awaitingHeader ──► awaitingHello ──► a route, or refused
//
// awaitingHeader is for clients of trusted proxies, awaitingHello for those about whom the server name decides; who needs neither has
// its route at once. All arrivals are on the loop that accepts.

// headerTimeout is for how long a PROXY header is awaited. Its sender sends it before anything else.
const headerTimeout = 5 * time.Second

// awaitedPart is what a client that arrives has to send next.
type awaitedPart uint8

const (
	awaitingHeader awaitedPart = iota
	awaitingHello
)

// mostArriving is how many clients may arrive at once, a quarter of all connections: if all who were slow to say what they want had
// places, nobody would be left one. The oldest makes room.
func (a *acceptor) mostArriving() int { return int(max(1, a.loop.cfg.Admission.Max()/4)) }

// arrive finds out what a client wants that has been accepted at a binding.
func (a *acceptor) arrive(binding int, n newcomer) {
	of := a.bindings[binding].Routes
	g := a.loop.cfg.Admission
	if g.open.Load() >= g.Max() {
		a.loop.refuse(of.stats(), n.fd, session.OverCapacity)
		return
	}
	g.open.Add(1)
	a.loop.tick() // it may have come since this wake-up began
	n.placed, n.at = true, a.loop.now
	if !of.trusts(n.client.Addr()) && !of.needsName(n.client.Addr()) {
		a.depart(of, n)
		return
	}
	if a.arrivals == nil {
		a.arrivals = newArrivals(a.loop.now)
	}
	waiting := a.arrivals
	if waiting.count >= a.mostArriving() {
		a.giveUpArrival(waiting.oldest, session.OverCapacity)
	}
	slot := waiting.add(n, binding)
	a.awaitFirst(slot)
	a.lookAtArrival(slot)
}

// awaitFirst begins to wait for the first that a client has to send.
func (a *acceptor) awaitFirst(slot int32) {
	c := &a.arrivals.slots[slot]
	of := a.bindings[c.binding].Routes
	c.awaits = awaitingHello
	by := c.at.After(of.HelloTimeout)
	if of.trusts(c.client.Addr()) {
		c.awaits, by = awaitingHeader, c.at.After(headerTimeout)
	}
	a.arrivals.wheel.Set(slot, int64(by))
}

// onArriving hears of a client that arrives.
func (a *acceptor) onArriving(token uint64, ready reactor.Ready) {
	if a.arrivals == nil {
		return
	}
	slot, ok := a.arrivals.find(token)
	if !ok {
		return
	}
	if ready.Any(reactor.PeerClosed | reactor.HungUp | reactor.Failed) {
		a.arrivals.slots[slot].ended = true
	}
	a.lookAtArrival(slot)
}

// lookAtArrival looks at what a client has sent, and takes it as far as that goes.
func (a *acceptor) lookAtArrival(slot int32) {
	c := &a.arrivals.slots[slot]
	n, errno := reactor.Peek(c.fd, a.loop.buf[:max(arrival.MaxHello, arrival.MaxHeader)])
	a.loop.tick()
	switch {
	case errno != 0 && errno != reactor.Again:
		a.leave(slot)
		return
	case n == 0 && (errno == 0 || c.ended): // it has said nothing, and will not
		a.leave(slot)
		return
	}
	if c.awaits == awaitingHeader {
		a.lookForHeader(slot, n)
		return
	}
	a.lookForHello(slot, n)
}

func (a *acceptor) lookForHeader(slot int32, n int) {
	c := &a.arrivals.slots[slot]
	header, at := arrival.ParseHeader(a.loop.buf[:n])
	switch {
	case at.Stage == arrival.Incomplete && !c.ended:
		a.awaitMore(slot, at.Need)
		return
	case at.Stage != arrival.Complete:
		a.giveUpArrival(slot, session.BadProxyHeader)
		return
	}
	if !a.consume(slot, at.Length) {
		return
	}
	c.origin = &Origin{Peer: c.client, Header: header}
	if header.Source.IsValid() {
		c.client = header.Source
	}
	of := a.bindings[c.binding].Routes
	if !of.needsName(c.client.Addr()) {
		a.departFrom(slot)
		return
	}
	c.awaits = awaitingHello
	a.arrivals.wheel.Set(slot, int64(c.at.After(of.HelloTimeout)))
	a.lookAtArrival(slot)
}

// consume takes bytes off a client's socket, which lie there.
func (a *acceptor) consume(slot int32, bytes int) bool {
	fd := a.arrivals.slots[slot].fd
	for taken := 0; taken < bytes; {
		n, errno := reactor.Read(fd, a.loop.buf[taken:bytes])
		if n == 0 && errno != reactor.Again { // it was reset since
			a.leave(slot)
			return false
		}
		taken += n // 0 at an urgent mark where a signal came, see reactor.Read
	}
	return true
}

func (a *acceptor) lookForHello(slot int32, n int) {
	c := &a.arrivals.slots[slot]
	hello, at := arrival.ParseHello(a.loop.buf[:min(n, arrival.MaxHello)])
	if at.Stage == arrival.Incomplete && !c.ended {
		a.awaitMore(slot, at.Need)
		return
	}
	if at.Stage == arrival.Complete {
		if c.origin == nil {
			c.origin = &Origin{}
		}
		c.origin.Hello = &hello
	}
	a.departFrom(slot)
}

// awaitMore waits until that many bytes lie in a client's socket. Fewer do not wake the loop: one that sends a byte at a time has it
// look only where something is to be seen.
func (a *acceptor) awaitMore(slot int32, bytes int) {
	c := &a.arrivals.slots[slot]
	if c.client.IsValid() && int32(bytes) != c.lowWater && reactor.SetLowWater(c.fd, bytes) == 0 {
		c.lowWater = int32(bytes)
	}
	if c.watched {
		return
	}
	if err := a.loop.poller.AddReader(c.fd, a.arrivals.token(slot)); err != nil {
		a.giveUpArrival(slot, session.FDLimit)
		return
	}
	c.watched = true
}

// departFrom sends a client to the route that what it has said leads to.
func (a *acceptor) departFrom(slot int32) {
	of := a.bindings[a.arrivals.slots[slot].binding].Routes
	a.depart(of, a.withdraw(slot))
}

// withdraw gives up a client's slot, and has its socket as it was before.
func (a *acceptor) withdraw(slot int32) newcomer {
	gone := a.arrivals.remove(slot)
	if gone.lowWater > 1 {
		_ = reactor.SetLowWater(gone.fd, 1)
	}
	if gone.watched {
		_ = a.loop.poller.Remove(gone.fd) // it is there
	}
	return gone.newcomer
}

// depart chooses a client's route.
func (a *acceptor) depart(of *Candidates, n newcomer) {
	r := of.choose(n.origin.ServerName(), n.client.Addr())
	if r == nil {
		a.refuseNewcomer(of.stats(), n, session.NoRoute)
		return
	}
	if n.origin != nil && n.origin.Header.Local && r.Check != nil {
		r = r.Check
	}
	if n.client.IsValid() && r.SocketOptions() != of.options() {
		_ = r.SocketOptions().Replace(n.fd) // those that it has inherited do for what cannot be changed
	}
	a.admit(r, n)
}

// leave forgets a client that has gone before it had a route, which is no fault of anybody's.
func (a *acceptor) leave(slot int32) {
	n := a.withdraw(slot)
	reactor.Close(n.fd)
	a.loop.cfg.Admission.left()
}

// giveUpArrival refuses a client before it has a route.
func (a *acceptor) giveUpArrival(slot int32, cause session.Cause) {
	stats := a.bindings[a.arrivals.slots[slot].binding].Routes.stats()
	a.refuseNewcomer(stats, a.withdraw(slot), cause)
}

// refuseNewcomer refuses a client that may have a place already.
func (a *acceptor) refuseNewcomer(stats *RouteStats, n newcomer, cause session.Cause) {
	a.loop.refuse(stats, n.fd, cause)
	if n.placed {
		a.loop.cfg.Admission.left()
	}
}

// expireArrivals gives up the clients that have not said in time what they want.
func (a *acceptor) expireArrivals() {
	waiting := a.arrivals
	if waiting == nil || waiting.count == 0 {
		return
	}
	waiting.due = waiting.wheel.Expire(int64(a.loop.now), waiting.due[:0])
	for _, slot := range waiting.due {
		cause := session.NoRoute
		if waiting.slots[slot].awaits == awaitingHeader {
			cause = session.BadProxyHeader
		}
		a.giveUpArrival(slot, cause)
	}
}

// dropArrivals closes the clients that arrive at a listener that is closed, and all for noSlot.
func (a *acceptor) dropArrivals(binding int) {
	a.arrivals.each(func(slot int32) {
		if binding == noSlot || a.arrivals.slots[slot].binding == int32(binding) {
			n := a.withdraw(slot)
			reactor.Abort(n.fd)
			a.loop.cfg.Admission.left()
		}
	})
}

// readmitArrivals makes the clients that arrive go by the routes that now are.
func (a *acceptor) readmitArrivals() {
	a.arrivals.each(func(slot int32) {
		if c := &a.arrivals.slots[slot]; c.origin == nil && c.awaits == awaitingHeader { // one that was trusted before
			a.awaitFirst(slot)
		}
		if c := &a.arrivals.slots[slot]; c.awaits == awaitingHello && !a.bindings[c.binding].Routes.needsName(c.client.Addr()) {
			a.departFrom(slot)
			return
		}
		a.lookAtArrival(slot)
	})
}
