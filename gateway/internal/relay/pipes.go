package relay

import (
	"syscall"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/reactor"
)

// pipeSize is for how many bytes pipes are made, the most that Linux grants to anybody. What a larger pipe takes at once is
// written at once, which is what makes it cheaper: 1.41, 1.33 and 1.13 of HAProxy's CPU with 256 KiB, 512 KiB and 1 MiB, in
// messages of 64 KiB one way.
const pipeSize = 1 << 20

// leastPipe is for how many bytes a pipe must be at least to be worth its calls, where an ordinary user may have no more: all his
// processes share 64 MiB, which is what two loops have. Seconds of CPU for 1 GiB, of sender, relay and receiver together: 1.2
// copied, 3.8 through 8 KiB (what the kernel then gives), 2.3 through 16 KiB, 1.4 through 64 KiB, 1.05 through 128 KiB and 0.9
// through 1 MiB.
const leastPipe = 128 << 10

// pipeRetry is for how long no pipe is made after one could not be had. What comes meanwhile is copied.
const pipeRetry = time.Second

// pipes is one loop's supply of pipes, as chunks without a buffer. One that has no bytes costs two descriptors and next to no
// memory.
type pipes struct {
	create func(reactor.PipeSize) (reactor.Pipe, syscall.Errno) // set once

	free    []*chunk // empty ones
	open    int      // in use or not
	most    int
	retryAt deadline.Instant // when one may be made again; 0: at once
}

// get returns an empty pipe, or nil if there may be no more. It counts as nothing until it is held.
func (p *pipes) get(now deadline.Instant) *chunk {
	if last := len(p.free) - 1; last >= 0 {
		got := p.free[last]
		p.free = p.free[:last]
		return got
	}
	if p.open == p.most || now < p.retryAt {
		return nil
	}
	pipe, errno := p.create(reactor.PipeSize{Most: pipeSize, Least: leastPipe})
	if errno != 0 {
		p.retryAt = now.After(pipeRetry)
		return nil
	}
	p.open++
	return &chunk{pipe: pipe}
}

// put takes a pipe back. What it still has is for nobody else, so that one is closed.
func (p *pipes) put(done *chunk) {
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
