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
	acceptor *Loop
	loops    []*Loop

	max    atomic.Int64
	refuse atomic.Bool // reset who comes when it is full; else they wait in the backlog

	open   atomic.Int64  // connections that hold descriptors, those being closed included
	nextID atomic.Uint64 // of connections
	shut   atomic.Bool   // accepting is paused until a connection is gone
	short  atomic.Bool   // the operator was told that descriptors had run out
	pauses pauses
}

// NewAdmission returns an admission of at most most connections. refuse resets the clients that come when it is full; else they wait in
// the backlog.
func NewAdmission(most int64, refuse bool) *Admission {
	g := &Admission{}
	g.max.Store(most)
	g.refuse.Store(refuse)
	return g
}

// Max returns how many connections there may be.
func (g *Admission) Max() int64 { return g.max.Load() }

// Set changes what NewAdmission was told. Connections above a lower max stay.
func (g *Admission) Set(most int64, refuse bool) {
	g.max.Store(most)
	g.refuse.Store(refuse)
	if g.shut.Load() {
		g.acceptor.Post(g.acceptor.reopen)
	}
}

// Share names the loops that share it. The first of them accepts.
func (g *Admission) Share(loops []*Loop) { g.acceptor, g.loops = loops[0], loops }

// left notes that a connection's descriptors are free.
func (g *Admission) left() {
	g.open.Add(-1)
	if g.shut.Load() && g.shut.CompareAndSwap(true, false) {
		g.acceptor.Post(g.acceptor.reopen)
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

// Binding is a listener and the route that its clients take.
type Binding struct {
	Listener *reactor.Listener
	Route    *Route
}

// acceptor is the part of a loop that accepts.
type acceptor struct {
	places    places
	bindings  []Binding // by the index in their tokens; one without a listener is a free place
	paused    bool
	retryAt   deadline.Instant // when to try again after descriptors had run out; 0: not waiting for that
	settledAt deadline.Instant // when the gateway counts as full no longer; 0: it is not, or accepting is paused
}

// Accept has the loop accept clients at bindings. It is called before Run.
func (l *Loop) Accept(bindings []Binding) error {
	l.acceptor.bindings = bindings
	return l.watchBindings()
}

func (l *Loop) watchBindings() error {
	for i := range l.acceptor.bindings {
		if err := l.watchBinding(i); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) watchBinding(i int) error {
	if listener := l.acceptor.bindings[i].Listener; listener != nil {
		return l.poller.AddListener(listener.FD, listenerToken|uint64(i))
	}
	return nil
}

func (l *Loop) closeListeners() {
	for _, d := range l.acceptor.bindings {
		if d.Listener != nil {
			d.Listener.Close()
		}
	}
	l.acceptor.bindings, l.acceptor.retryAt, l.acceptor.settledAt = nil, 0, 0
	if l.acceptor.paused {
		l.cfg.Admission.pauses.end(l.now)
	}
	l.cfg.Admission.pauses.setFull(false)
}

// onClients accepts what waits at a listener.
func (l *Loop) onClients(index int) {
	if l.acceptor.paused || index >= len(l.acceptor.bindings) {
		return
	}
	b := l.acceptor.bindings[index]
	if b.Listener == nil {
		return
	}
	clients := 1 // at least, or the listener were not ready
	for n := 0; n < clients; n++ {
		if l.full() || l.acceptor.paused {
			return
		}
		fd, client, errno := b.Listener.Accept()
		if errno == reactor.Again {
			return
		}
		if reactor.IsExhausted(errno) {
			l.exhausted()
			return
		}
		if errno == 0 { // else the client was gone before it was accepted
			l.admit(b.Route, fd, client)
		}
		if n == 0 {
			clients += b.waiting()
		}
	}
}

// waiting returns how many clients more to accept in this turn.
func (d Binding) waiting() int {
	clients, known := d.Listener.Waiting()
	if !known {
		return acceptBatch - 1 // until there is none
	}
	return min(clients, acceptBatch-1)
}

// full pauses accepting when every place is taken and clients are to wait for one.
func (l *Loop) full() bool {
	g := l.cfg.Admission
	if g.refuse.Load() || g.open.Load() < g.Max() {
		return false
	}
	l.pause()
	if g.open.Load() < g.Max() { // one left between the look and the pause, and may not have seen it
		l.reopen()
	}
	if l.acceptor.paused {
		l.becomeFull()
	}
	return l.acceptor.paused
}

// exhausted pauses accepting until descriptors are free again: a level-triggered listener would spin.
func (l *Loop) exhausted() {
	if l.acceptor.paused {
		return
	}
	l.pause()
	l.acceptor.retryAt = l.now.After(acceptRetry)
	if l.cfg.Admission.short.CompareAndSwap(false, true) {
		l.cfg.Reporter.Trouble(Trouble{Text: noFDsText})
	}
}

// supplied notes that a session got descriptors for both its sockets. One that was accepted and then had none for its
// upstream would be no sign that they are there again.
func (g *Admission) supplied() {
	if g.short.Load() {
		g.acceptor.Post(g.acceptor.recovered)
	}
}

// recovered tells the operator that descriptors are there again.
func (l *Loop) recovered() {
	if !l.acceptor.paused && l.cfg.Admission.short.CompareAndSwap(true, false) {
		l.cfg.Reporter.Trouble(Trouble{Text: hasFDsText})
	}
}

func (l *Loop) pause() {
	l.acceptor.paused = true
	l.cfg.Admission.pauses.begin(l.now)
	for _, d := range l.acceptor.bindings {
		if d.Listener != nil {
			_ = l.poller.Remove(d.Listener.FD) // it is registered, or the loop would not have been told of clients
		}
	}
	l.cfg.Admission.shut.Store(true)
}

// reopen accepts again.
func (l *Loop) reopen() {
	if !l.acceptor.paused {
		return
	}
	l.acceptor.paused, l.acceptor.retryAt = false, 0
	l.acceptor.settledAt = l.now.After(settled)
	l.cfg.Admission.pauses.end(l.now)
	l.cfg.Admission.shut.Store(false)
	if err := l.watchBindings(); err != nil {
		l.exhausted()
	}
}

func (l *Loop) acceptAgain() {
	if at := l.acceptor.retryAt; at != 0 && at <= l.now {
		l.reopen()
	}
	l.settleAccepting()
}

// admit decides about a client and hands it to a loop.
func (l *Loop) admit(r *Route, fd int, client netip.AddrPort) {
	g := l.cfg.Admission
	switch {
	case !r.admits(client.Addr()):
		l.refuse(r, fd, session.Denied)
		return
	case g.open.Load() >= g.Max():
		l.refuse(r, fd, session.OverCapacity)
		return
	case r.Limit > 0 && r.open.Load() >= int64(r.Limit):
		l.refuse(r, fd, session.OverRouteLimit)
		return
	}
	g.open.Add(1)
	r.open.Add(1)
	id := g.nextID.Add(1)
	to := l.placeOf(id)
	to.sessions.Add(1)
	if to == l {
		l.open(r, fd, client, id)
		return
	}
	if !to.Post(func() { to.open(r, fd, client, id) }) { // it has failed; the gateway is about to stop
		reactor.Abort(fd)
		to.sessions.Add(-1)
		r.open.Add(-1)
		g.left()
	}
}

// refuse resets a client that never becomes a session.
func (l *Loop) refuse(r *Route, fd int, cause session.Cause) {
	l.of(r.RouteStats).Refused[cause]++
	reactor.Abort(fd)
}
