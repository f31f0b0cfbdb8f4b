package relay

import "idlegate/gateway/internal/protocol"

// extra is what few connections have at a time. A plain one has none and pays 8 bytes for the pointer, so whatever most do not need goes
// here and not into conn. It is the loop's alone, as conn is.
//
//	need     first use: the loop takes one that is not in use, or makes one
//	release  the user has put its fields back to zero: it goes back if nobody else uses it
//	drop     the connection is gone
//
// A field whose owner uses it for as long as the connection is open is simply left set.
type extra struct {
	// What is to be looked at again with what comes next, see kept.go.
	keptFromClient, keptFromUpstream kept

	tls *secured // of sides that speak TLS; nil: neither does

	rated *rated // what its rates go by; nil: it has none

	origin *Origin // what the client had said before it had a route; nil: nothing
}

// isUnused reports whether nobody has anything in it.
func (x *extra) isUnused() bool {
	return x.keptFromClient.buf == nil && x.keptFromUpstream.buf == nil && x.tls == nil && x.rated == nil && x.origin == nil
}

// kept returns where what is kept of a direction is.
func (x *extra) kept(from protocol.Direction) *kept {
	if from == protocol.FromClient {
		return &x.keptFromClient
	}
	return &x.keptFromUpstream
}

// extras is one loop's supply.
type extras struct{ free []*extra }

// spareExtras is how many that are not in use a loop keeps.
const spareExtras = 64

// need returns the connection's extra, which is its own from now on.
func (s *extras) need(c *conn) *extra {
	if c.extra != nil {
		return c.extra
	}
	if last := len(s.free) - 1; last >= 0 {
		c.extra, s.free = s.free[last], s.free[:last]
	} else {
		c.extra = new(extra)
	}
	return c.extra
}

// needTLS returns the TLS of the connection, which has some from now on.
func (s *extras) needTLS(c *conn) *secured {
	x := s.need(c)
	if x.tls == nil {
		x.tls = &secured{}
	}
	return x.tls
}

// release takes the connection's extra back if nobody uses it.
func (s *extras) release(c *conn) {
	if c.extra != nil && c.extra.isUnused() {
		s.drop(c)
	}
}

// drop takes back what the connection has, whatever is in it.
func (s *extras) drop(c *conn) {
	if c.extra == nil {
		return
	}
	*c.extra = extra{}
	if len(s.free) < spareExtras {
		s.free = append(s.free, c.extra)
	}
	c.extra = nil
}

// origin returns what the client had said before it had a route; nil: nothing.
func (c *conn) origin() *Origin {
	if c.extra == nil {
		return nil
	}
	return c.extra.origin
}
