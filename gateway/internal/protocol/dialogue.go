package protocol

import (
	"math"
	"time"
)

// Dialogue is where a connection stands in its protocol. The zero Dialogue is the start of both streams. It is plain data,
// to be copied, written down and taken up again elsewhere under a Protocol made alike.
type Dialogue struct {
	streams   [2]State // by direction
	owed      uint32   // requests that await their reply
	keepalive uint32   // milliseconds of client silence that the two ends have agreed to allow; 0: none
	facts     uint32   // what the protocol has learnt of the connection
	flags     flags
	stage     uint8 // of the conversation, in a protocol that has stages
}

// flags are facts about a Dialogue.
type flags uint16

const (
	opaque   flags = 1 << iota // what follows in both directions is not understood; never cleared
	probed                     // the gateway has asked the client and has not seen the answer yet
	unpaired                   // requests and replies can no longer be told apart; never cleared
	busy                       // nothing of the gateway's own may enter, since a transfer is under way
)

const (
	begun flags = 1 << (4 + iota) // FromClient: its last bytes are given again; FromUpstream one bit higher
	_
	kept // they are not passed on yet
	_
	released // nor will more be given: they are to be passed on for what they are
	_
	former // probed: by what the protocol's former question asked
)

func (f flags) has(of flags) bool { return f&of != 0 }

// of returns the flag that is kept by direction, for from.
func (f flags) of(from Direction) flags { return f << from }

func (d *Dialogue) set(f flags)   { d.flags |= f }
func (d *Dialogue) clear(f flags) { d.flags &^= f }

// Opaque reports whether both streams have become ones that the protocol does not understand. Then they have no
// boundaries, and Scan is called no more.
func (d *Dialogue) Opaque() bool { return d.flags.has(opaque) }

// AtBoundary reports whether no message has begun in that direction. Bytes that are given again have begun one.
func (d *Dialogue) AtBoundary(from Direction) bool {
	return d.Opaque() || d.streams[from].AtBoundary() && !d.flags.has(begun.of(from))
}

// Ahead returns how many bytes of the message under way are known to follow in that direction, all of which may be passed
// on unread: its body or the rest of it. It is 0 where that is not known, and at a boundary.
func (d *Dialogue) Ahead(from Direction) uint64 {
	if d.Opaque() {
		return math.MaxUint64
	}
	return d.streams[from].Ahead()
}

// Release passes the bytes that are withheld in a direction on with whatever follows, since nothing may: the next Scan
// takes them for what they are so far.
func (d *Dialogue) Release(from Direction) {
	if d.flags.has(kept.of(from)) {
		d.set(released.of(from))
	}
}

// Keepalive returns for how long the two ends have agreed that the client may be silent; 0: they have not agreed on
// anything, or on no bound.
func (d *Dialogue) Keepalive() time.Duration { return time.Duration(d.keepalive) * time.Millisecond }

// Unpaired reports whether requests and replies can no longer be told apart, so that none counts as owed.
func (d *Dialogue) Unpaired() bool { return d.flags.has(unpaired) }

// owe notes a request that awaits its reply.
func (d *Dialogue) owe() {
	if !d.flags.has(unpaired) {
		d.owed++
	}
}

// pay notes a reply. One that nobody awaits is no fault here.
func (d *Dialogue) pay() {
	if d.owed > 0 {
		d.owed--
	}
}

// unpair gives up telling which reply belongs to which request.
func (d *Dialogue) unpair() {
	d.set(unpaired)
	d.owed = 0
}

// Owes reports whether the server owes a reply, where the protocol pairs requests with replies.
func Owes(p Protocol, d *Dialogue) bool {
	if d.Opaque() {
		return false
	}
	if of, ok := p.(ower); ok {
		return of.owes(d)
	}
	return d.owed > 0
}

// ower is a Protocol in which it takes more than Dialogue.owed to say whether a reply is owed.
type ower interface{ owes(d *Dialogue) bool }

// Transactor is a Protocol that knows transactions.
type Transactor interface {
	// InTransaction reports whether the client has a transaction open and nothing is owed to it: it stands idle.
	InTransaction(d *Dialogue) bool
}

// InTransaction reports whether the client has a transaction open and nothing is owed to it. In a protocol that does not
// know transactions there is none.
func InTransaction(p Protocol, d *Dialogue) bool {
	if of, ok := p.(Transactor); ok && !d.Opaque() {
		return of.InTransaction(d)
	}
	return false
}

// MayInsert reports whether bytes of the gateway's own may enter the stream of that direction now: at a boundary, with
// nothing withheld, while it is understood and no reply is owed.
func (d *Dialogue) MayInsert(into Direction) bool {
	return d.flags&(opaque|busy) == 0 && d.AtBoundary(into) && d.owed == 0
}

// Again reports whether the last bytes of that direction are given again with the next.
func (d *Dialogue) Again(from Direction) bool { return d.flags.has(begun.of(from)) }

// maySwallow reports whether a message of the client that comes now may be kept from the upstream: none of it has been passed on,
// nor has to be.
func (d *Dialogue) maySwallow(from Direction) bool {
	passed := d.flags.has(begun.of(from)) && !d.flags.has(kept.of(from))
	return from == FromClient && !passed && !d.flags.has(released.of(from))
}

// awaitsAnswer reports whether a message of the client that comes now may be the answer to the gateway's probe.
func (d *Dialogue) awaitsAnswer(from Direction) bool {
	return d.flags.has(probed) && d.maySwallow(from)
}

// withhold says that the bytes are given again, and not passed on yet.
func (d *Dialogue) withhold(from Direction) (int, Event) {
	d.set(begun.of(from) | kept.of(from))
	return 0, Withhold
}

// partial says that the bytes are passed on, and given again.
func (d *Dialogue) partial(from Direction) (int, Event) {
	d.clear(kept.of(from) | released.of(from))
	d.set(begun.of(from))
	return 0, Partial
}

// took notes that what was given again is taken.
func (d *Dialogue) took(from Direction) { d.clear(begun.of(from) | kept.of(from) | released.of(from)) }
