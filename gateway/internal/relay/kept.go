package relay

import (
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/session"
)

// The last bytes of a read may have to be looked at again, together with what comes next: they begin a header, or what may become
// a heartbeat that is not passed on. They are kept in the connection's extra, as few connections have any at a time:
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

// keep keeps a copy of b.
func (l *Loop) keep(c *conn, from protocol.Direction, b []byte, passed int, rest bool) {
	k := kept{buf: make([]byte, len(b)), passed: passed, rest: rest}
	copy(k.buf, b)
	l.cfg.Budget.own(len(k.buf))
	*l.extras.need(c).kept(from) = k
	if passed > 0 { // of what may become a heartbeat: it is one for the other side now
		c.session.Talk.Release(from)
	}
}

// keeps reports whether something is kept of a direction.
func (c *conn) keeps(from protocol.Direction) bool {
	return c.extra != nil && c.extra.kept(from).buf != nil
}

// keptOf returns what is kept of a direction.
func (c *conn) keptOf(from protocol.Direction) kept {
	if !c.keeps(from) {
		return kept{}
	}
	return *c.extra.kept(from)
}

// recall copies what is kept of a direction to the start of the loop's buffer.
func (l *Loop) recall(c *conn, from protocol.Direction) kept {
	k := c.keptOf(from)
	copy(l.buf, k.buf)
	return k
}

// forget gives up what is kept of a direction, and returns how much of it has been passed on.
func (l *Loop) forget(c *conn, from protocol.Direction) (passed int) {
	if !c.keeps(from) {
		return 0
	}
	k := *c.extra.kept(from)
	*c.extra.kept(from) = kept{}
	l.extras.release(c)
	l.cfg.Budget.give(len(k.buf))
	return k.passed
}

// withheld gives up what is kept of a direction, from which no more comes, and returns what of it is still to be passed on. What the
// client had sent behind heartbeats whose answers it does not take is as if it had not been read.
func (l *Loop) withheld(c *conn, from protocol.Direction) []byte {
	k := c.keptOf(from)
	l.forget(c, from)
	if k.rest {
		return nil
	}
	return k.buf[k.passed:]
}

// passWithheld passes on what is withheld of a session that ends for cause.
func (l *Loop) passWithheld(c *conn, cause session.Reason) {
	for from := range protocol.Directions {
		b := l.withheld(c, from)
		to := c.receiver(from)
		closed := to.failed || to.fd < 0 || c.phase != relaying || cause == session.WriteDeadline && from == protocol.FromUpstream
		if len(b) > 0 && !closed {
			_ = l.sendOwn(c, session.Receiver(from), b) // a peer that is gone shows as such by itself
		}
	}
}
