package relay

import (
	"idlegate/gateway/internal/session"
)

// The last bytes of a read may have to be looked at again, together with what comes next: they begin a header, or what may become
// a heartbeat that is not passed on. They are kept outside of the connection, as few connections have any at a time:
//
//	kept.buf   passed on already │ withheld
//	           ──── passed ──────┘
//
// The next read goes behind a copy of them, and the whole is looked at. They count in the budget, which never refuses them: they
// have been read and cannot be put back. What keeps them within it is that nothing is read while memory is scarce, see scarce.go.

// kept are bytes of one side that are given again.
type kept struct {
	buf    []byte
	passed int  // of them, already passed on
	rest   bool // nobody has looked at them yet: the client must first take the answers that wait for it
}

// keptKey names one side of a connection.
func keptKey(c *conn, side session.Side) int32 { return c.slot<<1 | int32(side) }

// keep keeps a copy of b.
func (l *Loop) keep(c *conn, side session.Side, b []byte, passed int, rest bool) {
	if l.kept == nil {
		l.kept = map[int32]kept{}
	}
	c.legs[side].kept = true
	k := kept{buf: make([]byte, len(b)), passed: passed, rest: rest}
	copy(k.buf, b)
	l.cfg.Budget.own(len(k.buf))
	l.kept[keptKey(c, side)] = k
	if passed > 0 { // of what may become a heartbeat: it is one for the other side now
		c.session.Talk.Release(side.Sends())
	}
}

// keptOf returns what is kept of side.
func (l *Loop) keptOf(c *conn, side session.Side) kept {
	if !c.legs[side].kept {
		return kept{}
	}
	return l.kept[keptKey(c, side)]
}

// recall copies what is kept of side to the start of the loop's buffer.
func (l *Loop) recall(c *conn, side session.Side) kept {
	k := l.keptOf(c, side)
	copy(l.buf, k.buf)
	return k
}

// forget gives up what is kept of side, and returns how much of it has been passed on.
func (l *Loop) forget(c *conn, side session.Side) (passed int) {
	leg := &c.legs[side]
	if !leg.kept {
		return 0
	}
	leg.kept = false
	key := keptKey(c, side)
	k := l.kept[key]
	delete(l.kept, key)
	l.cfg.Budget.give(len(k.buf))
	return k.passed
}

// withheld gives up what is kept of side, from which no more comes, and returns what of it is still to be passed on. What the
// client had sent behind heartbeats whose answers it does not take is as if it had not been read.
func (l *Loop) withheld(c *conn, side session.Side) []byte {
	k := l.keptOf(c, side)
	l.forget(c, side)
	if k.rest {
		return nil
	}
	return k.buf[k.passed:]
}

// passWithheld passes on what is withheld of sides of a session that ends for cause.
func (l *Loop) passWithheld(c *conn, cause session.Reason) {
	for side := session.Client; side <= session.Upstream; side++ {
		b := l.withheld(c, side)
		to := &c.legs[side.Other()]
		closed := to.failed || to.fd < 0 || c.phase != relaying || cause == session.WriteDeadline && side == session.Upstream
		if len(b) > 0 && !closed {
			_ = to.pending.sendOwn(l.pool, int(to.fd), b) // a peer that is gone shows as such by itself
		}
	}
}
