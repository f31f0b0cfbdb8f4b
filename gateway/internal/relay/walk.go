package relay

import (
	"context"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/metrics"
)

// A walk looks at connections in turns of walkTurn, between which the loop serves its sockets: a turn is as long as five messages take, and
// sees some 200 connections, since one that nobody has touched lately is in no cache and takes 0.12 to 0.26 µs (go test -bench Walk). The
// clock is read after every walkStep of them.
const (
	walkTurn = 50 * time.Microsecond
	walkStep = 32
)

// Each calls see on the loop with each open connection, and then done. A view is overwritten afterwards, and shares with its connection
// what View.Clone copies. Connections that come or end meanwhile may be missed. It is called through Post, and stops without
// a word when ctx ends.
func (l *Loop) Each(ctx context.Context, see func(*View), done func()) {
	v := new(View)
	l.walk(ctx, 0, func(c *conn) {
		l.show(v, c)
		see(v)
	}, done)
}

// ObserveSilences counts in the histograms of their routes how long the clients of open connections have been silent. It is called as
// Each is.
func (l *Loop) ObserveSilences(ctx context.Context, of map[*RouteStats]*metrics.Histogram, done func()) {
	l.walk(ctx, 0, func(c *conn) {
		if h := of[c.route.RouteStats]; h != nil {
			h.Observe(l.now.Since(c.session.LastMessage))
		}
	}, done)
}

// walk takes one turn, from a slot on, and posts the next.
func (l *Loop) walk(ctx context.Context, slot int32, see func(*conn), done func()) {
	if ctx.Err() != nil {
		return
	}
	l.tick()
	for until := l.now + deadline.Instant(walkTurn); slot < l.slab.end() && l.now < until; l.tick() {
		for last := min(slot+walkStep, l.slab.end()); slot < last; slot++ {
			if c := l.slab.at(slot); c.isOpen() && !c.route.checks {
				see(c)
			}
		}
	}
	if slot >= l.slab.end() || !l.Post(func() { l.walk(ctx, slot, see, done) }) {
		done()
	}
}

// Clone returns a copy that shares nothing with the connection.
func (v *View) Clone() View {
	own := *v
	own.Session = v.Session.Clone()
	return own
}
