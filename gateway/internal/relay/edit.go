package relay

import (
	"time"

	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// Edit is a policy file that takes over from another.
type Edit struct {
	Routes   map[*RouteStats]*Route // all there are from now on
	Bindings []Binding              // all there are from now on; those with the same listener as before stay open
	Grace    time.Duration          // over which is spread what the edit ends at once
	DryRuns  []*RouteStats          // those with another dry run of idle_timeout than before
}

// Apply makes the open connections follow an edited policy. Connections of routes that it does not have drain. It is called
// through Post, on the loop that accepts before it is posted to the others: no client can be on its way to them then that
// was admitted under the old policy and comes after it. That loop reports whether it now accepts at e.Bindings; it does not where
// it drains or stops, and then the bindings that are new are the caller's to close.
func (l *Loop) Apply(e *Edit) (accepts bool) {
	l.tick()
	if accepts = l.cfg.Admission.acceptor == &l.acceptor && !l.drain.Draining() && !l.stopped; accepts {
		l.acceptor.replaceBindings(e.Bindings)
	}
	for _, a := range e.DryRuns {
		l.of(a).BeginDryRun()
	}
	taking := takeover{loop: l, edit: e, variants: map[variant]*Route{}}
	l.slab.each(func(c *conn) {
		if c.phase != closing {
			taking.adopt(c)
		}
	})
	return accepts
}

// takeover makes the connections of a loop follow an edit.
type takeover struct {
	loop     *Loop
	edit     *Edit
	variants map[variant]*Route
}

// variant is a route under the old policy, of which there are several where connections were opened with another Pinned.
type variant struct {
	*Route
	awaiting bool           // no upstream yet
	asked    protocol.Asked // its answer is still to come
}

// route returns what c's route is under the new policy; nil: there is none of its name.
func (o *takeover) route(c *conn) *Route {
	old := c.route
	next := o.edit.Routes[old.RouteStats]
	if next == nil {
		return nil
	}
	of := variant{old, c.phase == awaiting || c.phase == shaking, c.session.Talk.Asked()}
	if known := o.variants[of]; known != nil {
		return known
	}
	pinned := old.Pinned
	if of.awaiting {
		pinned = pinned.To(next.Pinned)
	}
	route := next.On(pinned).stillAsked(old, of.asked)
	o.variants[of] = route
	return route
}

// adopt makes c follow its route under the new policy.
func (o *takeover) adopt(c *conn) {
	if next := o.route(c); next != nil {
		o.follow(c, next)
	}
	c.review()
	o.loop.timers.rearm(c)
}

// follow gives c the route next in the place of its own.
func (o *takeover) follow(c *conn, next *Route) {
	old, l := c.route, o.loop
	c.route = next
	if next.Rates.bounded() && !old.Rates.bounded() {
		l.extras.rated(c).seen(c.session.Flow(protocol.FromClient)) // they count from now on
	}
	if c.isSlowed() { // the next read shows whether it still has to be
		c.extra.rated.until = l.now
	}
	if addr := c.clientAddr.address().Addr(); next.SourceLimit > 0 && !c.marks.has(counted) && addr.IsValid() {
		next.sources.Enter(addr, 0)
		c.marks |= counted
	}
	c.followWriteTimeout(old)
	unread := c.session.ReadClosed()
	c.session.ApplyRules(&old.Rules, &next.Rules, l.now, o.edit.Grace, Share(c.id))
	if unread && c.mayRead(session.Client) {
		l.backlog.add(c) // no edge comes for what lies there already
	}
}

// Share is what an edit draws for a connection, in 1/65536: for when in edit_grace it ends, and what a jitter that it did not have takes
// off its lifetime. It follows from the id, so that a plan of the edit draws the same. Ids that follow each other are far apart
// (Fibonacci hashing: 2^64 over the golden ratio).
func Share(id uint64) uint16 { return uint16(id * 0x9e3779b97f4a7c15 >> 48) }

// followWriteTimeout gives the sockets of c the user_timeout that its write_timeout needs, where an edit has changed that. What
// is written of both goes with the policy for the one, and with Pinned for the other.
func (c *conn) followWriteTimeout(old *Route) {
	timeout := c.route.SocketOptions().UserTimeout
	if timeout == old.SocketOptions().UserTimeout {
		return
	}
	for side := range session.Sides {
		leg, later := c.leg(side), c.settles != 0 && side == session.Upstream // settled sets it
		if leg.fd >= 0 && !later {
			_ = reactor.SetUserTimeout(int(leg.fd), timeout) // a unix socket has none
		}
	}
}

// Kill ends the connections that are named by their views and for which still holds. It returns their ids. It is called
// through Post.
func (l *Loop) Kill(views []View, still func(*View) bool) (ids []uint64) {
	l.tick()
	for i := range views {
		c, _ := l.slab.find(views[i].token)
		if c == nil || c.id != views[i].ID || c.phase == closing {
			continue
		}
		now := l.view(c)
		if !still(&now) {
			continue
		}
		ids = append(ids, c.id)
		l.end(c, session.Killed)
	}
	return ids
}
