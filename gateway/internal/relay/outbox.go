package relay

import (
	"syscall"

	"idlegate/gateway/internal/reactor"
)

// outbox is what waits for one peer, in order: everything that is written to it goes through here. What is sent while the
// outbox is empty is written at once, and only what the peer does not take is queued; what is sent while it is not is queued
// behind. All of it counts in the budget. An empty outbox is a nil pointer.
//
//	head ─→ chunk (memory) ─→ chunk (pipe) ─→ chunk (memory) ←─ head.last
type outbox struct{ head *chunk }

// noMemory is the error of what cannot be queued since the budget is spent. Who reads keeps a reserve, so that it does not happen.
const noMemory = syscall.ENOBUFS

func (o *outbox) empty() bool { return o.head == nil }

// size returns how many bytes wait.
func (o *outbox) size() (n int) {
	for c := o.head; c != nil; c = c.next {
		n += c.to - c.from
	}
	return n
}

// room returns how many bytes can be added without more memory.
func (o *outbox) room() int {
	if o.head == nil {
		return 0
	}
	return o.head.last.room()
}

// send writes b to the peer's socket, and queues what it does not take. The error is one of the socket's, never Again, or
// noMemory.
func (o *outbox) send(p *pool, fd int, b []byte) syscall.Errno {
	if o.empty() {
		n, errno := reactor.Write(fd, b)
		if errno != 0 && errno != reactor.Again {
			return errno
		}
		b = b[n:]
	}
	if len(b) > 0 && !o.add(p, b) {
		return noMemory
	}
	return 0
}

// sendOwn is send for few bytes, at most readSize, that cannot be refused: those of the gateway's own, or kept before.
func (o *outbox) sendOwn(p *pool, fd int, b []byte) syscall.Errno {
	if o.empty() {
		n, errno := reactor.Write(fd, b)
		if errno != 0 && errno != reactor.Again {
			return errno
		}
		b = b[n:]
	}
	if o.head != nil {
		b = b[o.head.last.fill(b):]
	}
	if len(b) > 0 {
		next := p.own(len(b))
		next.fill(b)
		o.append(next)
	}
	return 0
}

// sendPipe is send for what a chunk without a buffer has in its pipe, which becomes the outbox's.
func (o *outbox) sendPipe(p *pool, fd int, filled *chunk) syscall.Errno {
	if o.empty() {
		errno := filled.writeTo(fd)
		if errno == reactor.Again {
			errno = 0
		}
		if errno != 0 || filled.empty() {
			p.pipes.put(filled)
			return errno
		}
	}
	if !p.budget.take(filled.to) {
		p.pipes.put(filled)
		return noMemory
	}
	o.append(filled)
	return 0
}

// add queues a copy of b. It reports false when the budget is spent; a part of b may be queued then, so the connection cannot
// go on.
func (o *outbox) add(p *pool, b []byte) bool {
	for {
		if o.head != nil {
			b = b[o.head.last.fill(b):]
		}
		if len(b) == 0 {
			return true
		}
		// As much again as there is: what comes in small parts needs few chunks, and no more memory than in proportion.
		next := p.get(min(readSize, max(len(b), o.size())))
		if next == nil {
			return false
		}
		o.append(next)
	}
}

// prepend queues few bytes of the gateway's own, at most readSize, before all that waits, of which nothing was written.
func (o *outbox) prepend(p *pool, b []byte) {
	first := p.own(len(b))
	first.fill(b)
	first.next, first.last = o.head, first
	if o.head != nil {
		first.last = o.head.last
	}
	o.head = first
}

func (o *outbox) append(next *chunk) {
	if o.head == nil {
		o.head = next
	} else {
		o.head.last.next = next
	}
	o.head.last = next
}

// flush writes what waits, as much as the peer takes, and returns how much that was. What is left waits for the socket to be
// Writable. The error is one of the socket's, or Again.
func (o *outbox) flush(p *pool, fd int) (moved int, errno syscall.Errno) {
	for c := o.head; c != nil; c = o.head {
		before := c.from
		errno = c.writeTo(fd)
		moved += c.from - before
		if errno != 0 || !c.empty() {
			return moved, errno
		}
		o.pop(p)
	}
	return moved, 0
}

// pop gives the first chunk back.
func (o *outbox) pop(p *pool) {
	done := o.head
	if o.head = done.next; o.head != nil {
		o.head.last = done.last
	}
	done.next, done.last = nil, nil
	p.put(done)
}

// drop gives everything back unwritten.
func (o *outbox) drop(p *pool) {
	for o.head != nil {
		o.pop(p)
	}
}
