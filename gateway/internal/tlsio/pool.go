package tlsio

import (
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Pool bounds the handshakes of a process: those that are under way, and of them those that compute at a time. Those that wait for
// their peers take memory and no more; when one more comes than may be, the oldest is given up, since one that is honest is
// over within a few round trips. So slow ones take no room from others.
type Pool struct {
	// Set once, then read only.
	most    int
	rest    time.Duration   // restFor, but in tests
	workers chan struct{}   // holds an item for each that computes
	next    chan *Handshake // for a goroutine that is done with another
	many    chan struct{}   // holds an item when Many handshakes more have begun
	resting atomic.Int32    // goroutines that wait for next

	mu             sync.Mutex
	oldest, newest *Handshake // Guarded by mu.
	underWay       int        // Guarded by mu.
	begun          uint64     // Guarded by mu.
}

// NewPool returns a pool of at most most handshakes, of which workers compute at a time.
func NewPool(most, workers int) *Pool {
	return &Pool{most: max(1, most), rest: restFor, workers: make(chan struct{}, max(1, workers)), next: make(chan *Handshake), many: make(chan struct{}, 1)}
}

// Server begins a handshake with a client that has sent hello already, which may be none or a part. notify is called when Take has
// something new, on another goroutine: it must not wait.
func (p *Pool) Server(config *tls.Config, hello []byte, notify func()) *Handshake {
	return p.start(newHandshake(p, hello, notify, func(w *wire) *tls.Conn { return tls.Server(w, config) }))
}

// Client begins a handshake with a server.
func (p *Pool) Client(config *tls.Config, notify func()) *Handshake {
	return p.start(newHandshake(p, nil, notify, func(w *wire) *tls.Conn { return tls.Client(w, config) }))
}

// Many is how many handshakes are worth a word to who makes room for their garbage.
const Many = 64

// More tells when Many handshakes more have begun, once for those that nobody has heard of yet.
func (p *Pool) More() <-chan struct{} { return p.many }

// Begun returns how many handshakes were begun so far.
func (p *Pool) Begun() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

func (p *Pool) start(h *Handshake) *Handshake {
	p.mu.Lock()
	given := (*Handshake)(nil)
	if p.underWay >= p.most {
		given = p.oldest
		p.unlist(given)
	}
	h.listed, h.older = true, p.newest
	if p.newest != nil {
		p.newest.newer = h
	} else {
		p.oldest = h
	}
	p.newest = h
	p.underWay++
	if p.begun++; p.begun%Many == 0 {
		select {
		case p.many <- struct{}{}:
		default:
		}
	}
	p.mu.Unlock()
	if given != nil {
		given.End(ErrEvicted)
	}
	select {
	case p.next <- h:
	default:
		go p.serve(h)
	}
	return h
}

// A goroutine whose handshake is over is there for another one for a while: its stack has grown to the 16 KiB that one takes, and to
// let a new one grow to that costs 4 % of a handshake.
const (
	restFor     = 100 * time.Millisecond
	mostResting = 64
)

func (p *Pool) serve(h *Handshake) {
	rest := time.NewTimer(p.rest)
	defer rest.Stop()
	for {
		h.run()
		h = nil // it is the connection's
		if p.resting.Add(1) > mostResting {
			p.resting.Add(-1)
			return
		}
		rest.Reset(p.rest)
		select {
		case h = <-p.next:
			p.resting.Add(-1)
		case <-rest.C:
			p.resting.Add(-1)
			return
		}
	}
}

// forget notes that a handshake is over.
func (p *Pool) forget(h *Handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlist(h)
}

func (p *Pool) unlist(h *Handshake) {
	if !h.listed {
		return
	}
	if h.older != nil {
		h.older.newer = h.newer
	} else {
		p.oldest = h.newer
	}
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		p.newest = h.older
	}
	h.listed, h.older, h.newer = false, nil, nil
	p.underWay--
}

// begin waits until h may compute. The error is why it was given up in the meantime.
func (p *Pool) begin(h *Handshake) error {
	for {
		select {
		case p.workers <- struct{}{}:
			if err := h.ended(); err != nil {
				p.pause()
				return err
			}
			return nil
		case <-h.worked: // it may have been given up
			if err := h.ended(); err != nil {
				return err
			}
		}
	}
}

// beginAnyway waits until one that is about to end may compute.
func (p *Pool) beginAnyway() { p.workers <- struct{}{} }

// pause lets others compute.
func (p *Pool) pause() { <-p.workers }

// ended returns why h was given up: it need not even compute.
func (h *Handshake) ended() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.in) > 0 && !errors.Is(h.over, ErrEvicted) {
		return nil // what came before the end may be enough
	}
	return h.over
}
