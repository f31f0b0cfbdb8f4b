package relay

import "idlegate/gateway/internal/protocol"

// The last bytes of a read may have to be looked at again, together with what comes next: they begin a header, or what may become
// a heartbeat that is not passed on. They are kept in the connection's extra, as few connections have any at a time:
//
//	kept.buf   passed on already │ withheld
//	           ──── passed ──────┘
//
// The next read goes behind a copy of them, and the whole is looked at. They count in the budget, which never refuses them: they
// have been read and cannot be put back. What keeps them within it is that nothing is read while memory is scarce, see unbuffered.go.

// kept are bytes of one side that are given again.
type kept struct {
	buf    []byte
	passed int  // of them, already passed on
	rest   bool // nobody has looked at them yet: the client must first take the answers that wait for it
}

// keeper is the part of a loop that keeps them.
type keeper struct {
	// Set once.
	extras *extras
	budget *Budget
}

// keep keeps a copy of k, of a direction of which nothing is kept.
func (e *keeper) keep(c *conn, from protocol.Direction, k kept) {
	k.buf = append(make([]byte, 0, len(k.buf)), k.buf...)
	e.budget.own(len(k.buf))
	*e.extras.need(c).kept(from) = k
	if k.passed > 0 { // of what may become a heartbeat: it is one for the other side now
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

// recall copies what is kept of a direction to the start of a loop's buffer.
func (c *conn) recall(from protocol.Direction, buf []byte) kept {
	k := c.keptOf(from)
	copy(buf, k.buf)
	return k
}

// behindKept returns where in a loop's buffer the next read goes, of most bytes: what is kept of the direction comes before.
func (c *conn) behindKept(from protocol.Direction, buf []byte, most int) []byte {
	if !c.keeps(from) {
		return buf[:most]
	}
	at := len(c.keptOf(from).buf)
	return buf[at:min(at+most, len(buf))]
}

// forget gives up what is kept of a direction, and returns how much of it has been passed on.
func (e *keeper) forget(c *conn, from protocol.Direction) (passed int) {
	if !c.keeps(from) {
		return 0
	}
	k := *c.extra.kept(from)
	*c.extra.kept(from) = kept{}
	e.extras.release(c)
	e.budget.give(len(k.buf))
	return k.passed
}

// withheld gives up what is kept of a direction, from which no more comes, and returns what of it is still to be passed on. What the
// client had sent behind heartbeats whose answers it does not take is as if it had not been read.
func (e *keeper) withheld(c *conn, from protocol.Direction) []byte {
	k := c.keptOf(from)
	e.forget(c, from)
	if k.rest {
		return nil
	}
	return k.buf[k.passed:]
}
