package relay

import (
	"idlegate/gateway/internal/protocol"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// mayBeAnswered reports whether the client has finished sending, what lies unread in its socket included.
func (ts *timers) mayBeAnswered(c *conn) bool {
	leg := &c.client
	k, unread := c.keptOf(protocol.FromClient), ts.unread(c)
	switch {
	case unread == 0 && !k.rest:
		return c.session.MayBeAnswered(c.rules()) || leg.readToEOF
	case leg.readToEOF || c.isTLS(session.Client): // what TLS hides is judged when it can be read
		return true
	}
	buf := ts.loop.buf
	if size := len(k.buf) + unread; size > len(buf) {
		buf = make([]byte, size) // it cannot be looked at a part at a time, and is no more than a receive buffer
	}
	at := copy(buf, k.buf)
	if unread > 0 {
		n, errno := ts.loop.peek(c, session.Client, buf[at:])
		if errno != 0 {
			return false
		}
		at += n
	}
	return c.session.WouldBeAnswered(c.rules(), buf[:at])
}

// unread returns how many bytes the client has sent that the gateway has not read, since it does not read the client. (Where
// it does it has read up.)
func (ts *timers) unread(c *conn) int {
	if leg := &c.client; leg.fd >= 0 && c.session.Events.Paused() {
		return reactor.Unread(int(leg.fd))
	}
	return 0
}

// closeRead reads the client no more, once what it had sent in time has been read.
func (ts *timers) closeRead(c *conn) {
	if c.session.Events.Paused() && (ts.unread(c) > 0 || c.client.readToEOF || c.keptOf(protocol.FromClient).rest) {
		c.session.OweRead()
	} else {
		c.session.CloseRead(ts.loop.now)
	}
	ts.rearm(c)
}
