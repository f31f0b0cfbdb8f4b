package relay

import (
	"net/netip"
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// listenerToken marks the token of a listener, whose index is in the low bits.
const listenerToken = uint64(1) << 62

const (
	acceptBatch = 64                     // clients that are accepted before sessions get their turn
	acceptRetry = 500 * time.Millisecond // after descriptors had run out, in case others than sessions gave them back
)

// Admission bounds the connections of all loops and tells the accepting loop when there is room again.
type Admission struct {
	// Set once, then read only.
	acceptor *acceptor
	loops    []*Loop

	max    atomic.Int64
	onFull atomic.Uint32 // an OnFull

	open   atomic.Int64  // connections that hold descriptors, those being closed included
	nextID atomic.Uint64 // of connections
	shut   atomic.Bool   // accepting is paused until a connection is gone
	short  atomic.Bool   // the operator was told that descriptors had run out
	pauses pauses
}

// OnFull says what happens when every place is taken and a client comes.
type OnFull uint8

const (
	Wait        OnFull = iota // it waits in the backlog
	Refuse                    // it is reset
	EvictIdlest               // the idlest connection makes room for it
)

// NewAdmission returns an admission of at most most connections.
func NewAdmission(most int64, onFull OnFull) *Admission {
	g := &Admission{}
	g.max.Store(most)
	g.onFull.Store(uint32(onFull))
	return g
}

// OnFull returns what happens when every place is taken.
func (g *Admission) OnFull() OnFull { return OnFull(g.onFull.Load()) }

// Max returns how many connections there may be.
func (g *Admission) Max() int64 { return g.max.Load() }

// Open returns how many connections hold descriptors, those being closed included.
func (g *Admission) Open() int64 { return g.open.Load() }

// Set changes what NewAdmission was told. Connections above a lower max stay.
func (g *Admission) Set(most int64, onFull OnFull) {
	g.max.Store(most)
	g.onFull.Store(uint32(onFull))
	if g.shut.Load() {
		g.acceptor.loop.Post(g.acceptor.reopen)
	}
}

// Share names the loops that share it. The first of them accepts.
func (g *Admission) Share(loops []*Loop) { g.acceptor, g.loops = &loops[0].acceptor, loops }

// left notes that a connection's descriptors are free.
func (g *Admission) left() {
	g.open.Add(-1)
	if g.shut.Load() && g.shut.CompareAndSwap(true, false) {
		g.acceptor.loop.Post(g.acceptor.reopen)
	}
}

// least returns the loop with the fewest sessions.
func (g *Admission) least() *Loop {
	best := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.sessions.Load() < best.sessions.Load() {
			best = l
		}
	}
	return best
}

// acceptor is the part of a loop that accepts clients and gives them to loops. That of the first loop alone has bindings.
type acceptor struct {
	loop      *Loop // set once
	places    places
	bindings  []Binding // by the index in their tokens; one without a listener is a free place
	paused    bool
	retryAt   deadline.Instant // when to try again after descriptors had run out; 0: not waiting for that
	eviction  eviction
	arrivals  *arrivals        // clients that have no route yet; nil: there never was one
	settledAt deadline.Instant // when the gateway counts as full no longer; 0: it is not, or accepting is paused
}

// onReady hears of a listener, or of a client that has no route yet.
func (a *acceptor) onReady(token uint64, ready reactor.Ready) {
	if token&arrivalToken != 0 {
		a.onArriving(token, ready)
		return
	}
	a.onClients(int(token &^ listenerToken))
}

// onClients accepts what waits at a listener.
func (a *acceptor) onClients(index int) {
	if a.paused || index >= len(a.bindings) {
		return
	}
	b := a.bindings[index]
	if b.Listener == nil {
		return
	}
	clients := 1 // at least, or the listener were not ready
	for n := 0; n < clients; n++ {
		if a.pauseIfFull() || a.paused {
			return
		}
		fd, client, errno := b.Listener.Accept()
		if errno == reactor.Again {
			return
		}
		if reactor.IsExhausted(errno) {
			a.exhausted()
			return
		}
		if errno == 0 { // else the client was gone before it was accepted
			a.onClient(index, fd, client)
		}
		if n == 0 {
			clients += b.waiting()
		}
	}
}

// pauseIfFull pauses accepting when every place is taken and clients are to wait for one, and reports whether it is paused.
func (a *acceptor) pauseIfFull() bool {
	g := a.loop.cfg.Admission
	if g.OnFull() == Refuse || g.open.Load() < g.Max() {
		return false
	}
	a.pause()
	if g.open.Load() < g.Max() { // one left between the look and the pause, and may not have seen it
		a.reopen()
	}
	if a.paused {
		a.becomeFull()
	}
	if a.paused && g.OnFull() == EvictIdlest {
		a.evict()
	}
	return a.paused
}

// exhausted pauses accepting until descriptors are free again: a level-triggered listener would spin.
func (a *acceptor) exhausted() {
	if a.paused {
		return
	}
	a.pause()
	a.retryAt = a.loop.now.After(acceptRetry)
	if a.loop.cfg.Admission.short.CompareAndSwap(false, true) {
		a.loop.cfg.Reporter.Trouble(Trouble{Text: noFDsText})
	}
}

// supplied notes that a session got descriptors for both its sockets. One that was accepted and then had none for its
// upstream would be no sign that they are there again.
func (g *Admission) supplied() {
	if g.short.Load() {
		g.acceptor.loop.Post(g.acceptor.recovered)
	}
}

// recovered tells the operator that descriptors are there again.
func (a *acceptor) recovered() {
	if !a.paused && a.loop.cfg.Admission.short.CompareAndSwap(true, false) {
		a.loop.cfg.Reporter.Trouble(Trouble{Text: hasFDsText})
	}
}

// pause leaves clients in the backlog until reopen.
func (a *acceptor) pause() {
	a.paused = true
	a.loop.cfg.Admission.pauses.begin(a.loop.now)
	for _, d := range a.bindings {
		if d.Listener != nil {
			_ = a.loop.poller.Remove(d.Listener.FD) // it is registered, or the loop would not have been told of clients
		}
	}
	a.loop.cfg.Admission.shut.Store(true)
}

// reopen accepts again.
func (a *acceptor) reopen() {
	if !a.paused {
		return
	}
	a.paused, a.retryAt = false, 0
	a.settledAt = a.loop.now.After(settled)
	a.loop.cfg.Admission.pauses.end(a.loop.now)
	a.loop.cfg.Admission.shut.Store(false)
	if err := a.watchAll(); err != nil {
		a.exhausted()
	}
}

// onTurn does what is due though nobody comes.
func (a *acceptor) onTurn() {
	if at := a.retryAt; at != 0 && at <= a.loop.now {
		a.reopen()
	}
	a.expireArrivals()
	a.settle()
}

// onClient finds out which route an accepted client takes.
func (a *acceptor) onClient(index, fd int, client netip.AddrPort) {
	n := newcomer{fd: fd, client: client}
	if r := a.bindings[index].Routes.plain(); r != nil {
		a.admit(r, n)
		return
	}
	a.arrive(index, n)
}

// admit decides about a client and hands it to a loop.
func (a *acceptor) admit(r *Route, n newcomer) {
	g := a.loop.cfg.Admission
	switch {
	case r.stopped.Load(), !r.admits(n.client.Addr()):
		a.refuseNewcomer(r.RouteStats, n, session.Denied)
		return
	case !n.placed && g.open.Load() >= g.Max():
		a.refuseNewcomer(r.RouteStats, n, session.OverCapacity)
		return
	case r.Limit > 0 && r.open.Load() >= int64(r.Limit):
		a.refuseNewcomer(r.RouteStats, n, session.OverRouteLimit)
		return
	}
	if cause, over := a.overLimits(r, &n); over {
		a.refuseNewcomer(r.RouteStats, n, cause)
		return
	}
	if !n.placed {
		g.open.Add(1)
	}
	r.open.Add(1)
	id := g.nextID.Add(1)
	to := a.placeOf(id)
	to.sessions.Add(1)
	if to == a.loop {
		a.loop.open(r, n, id)
		return
	}
	if !to.Post(func() { to.open(r, n, id) }) { // it has failed; the gateway is about to stop
		reactor.Abort(n.fd)
		to.sessions.Add(-1)
		r.left(n.client.Addr(), n.counted)
		g.left()
	}
}

// overLimits counts a client where its route has a limit for each source, or for clients a second, and reports which it is over. Only
// who is admitted takes from the rate.
func (a *acceptor) overLimits(r *Route, n *newcomer) (cause session.Cause, over bool) {
	if r.SourceLimit > 0 && n.client.IsValid() {
		if !r.sources.Enter(n.client.Addr(), r.SourceLimit) {
			return session.OverSourceLimit, true
		}
		n.counted = true
	}
	if r.AcceptRate > 0 && !r.accepted.Try(r.AcceptRate, int64(a.loop.now)) {
		r.uncount(n.client.Addr(), n.counted)
		return session.AcceptRate, true
	}
	return 0, false
}

// refuse resets a client that never becomes a session. stats is nil where no route was chosen.
func (l *Loop) refuse(stats *RouteStats, fd int, cause session.Cause) {
	if stats == nil {
		stats = l.cfg.Unrouted
	}
	l.of(stats).Refused[cause]++
	reactor.Abort(fd)
}
