package relay

import (
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/session"
)

// room is whether a loop hears that a leg can be written to. A unix socket tells whenever its peer has read, which was a
// third of the wake-ups of round trips.
type room uint8

const (
	roomAlways    room = iota // a TCP socket: it tells only after it had been full
	roomForgotten             // a unix socket for whose peer no bytes wait; left when some do
	roomAwaited               // a unix socket while bytes wait for its peer; left when they are gone
)

// roomOf returns what a new leg begins with.
func roomOf(unix bool) room {
	if unix {
		return roomForgotten
	}
	return roomAlways
}

// watch adds a socket to the poller of its loop.
func watch(p *reactor.Poller, fd int, r room, token uint64) error {
	if r == roomForgotten {
		return p.AddReader(fd, token)
	}
	return p.Add(fd, token)
}

// awaitRoom follows a write to side that left something over.
func (c *conn) awaitRoom(p *reactor.Poller, side session.Side) {
	if leg := c.leg(side); leg.room == roomForgotten {
		leg.room = roomAwaited
		_ = p.AwaitRoom(int(leg.fd), c.token(side)) // it is watched already, which takes no more memory
	}
}

// forgetRoom follows a write to side that left nothing over.
func (c *conn) forgetRoom(p *reactor.Poller, side session.Side) {
	if leg := c.leg(side); leg.room == roomAwaited {
		leg.room = roomForgotten
		_ = p.ForgetRoom(int(leg.fd), c.token(side))
	}
}
