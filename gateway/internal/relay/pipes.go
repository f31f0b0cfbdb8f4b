package relay

import "idlegate/gateway/internal/reactor"

// pipeSize is for how many bytes pipes are made, the most that Linux grants to anybody. What a larger pipe takes at once is
// written at once, which is what makes it cheaper: 1.41, 1.33 and 1.13 of HAProxy's CPU with 256 KiB, 512 KiB and 1 MiB, in
// messages of 64 KiB one way.
const pipeSize = 1 << 20

// pipes is one loop's supply of pipes, as pieces without a buffer. One that has no bytes costs two descriptors and next to no
// memory.
type pipes struct {
	free []*piece // empty ones
	open int      // in use or not
	most int
}

// get returns an empty pipe, or nil if there may be no more. It counts as nothing until it is held.
func (p *pipes) get() *piece {
	if last := len(p.free) - 1; last >= 0 {
		got := p.free[last]
		p.free = p.free[:last]
		return got
	}
	if p.open == p.most {
		return nil
	}
	pipe, errno := reactor.NewPipe(pipeSize)
	if errno != 0 {
		return nil
	}
	p.open++
	return &piece{pipe: pipe}
}

// put takes a pipe back. What it still has is for nobody else, so that one is closed.
func (p *pipes) put(done *piece) {
	if done.empty() {
		done.from, done.to = 0, 0
		p.free = append(p.free, done)
		return
	}
	done.pipe.Close()
	p.open--
}

// close gives up those that are not in use.
func (p *pipes) close() {
	for _, unused := range p.free {
		unused.pipe.Close()
	}
	p.open -= len(p.free)
	p.free = nil
}
