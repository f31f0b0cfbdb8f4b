// Package logsink puts a bounded queue before a log's destination, so that logging never waits for it.
//
// Write copies its line to the queue and returns. One goroutine takes what is queued to the destination, in order. A line
// that finds the queue full is dropped, as are those the destination refuses; Dropped counts them, and logging goes on as
// soon as there is room again. Beneath a slog handler, whose records are one Write each, it keeps an event loop from
// standing still behind a full disk or a terminal that is held.
//
//	sink := logsink.New(logsink.Config{Dest: logsink.NewDest(os.Stderr)})
//	logger := slog.New(slog.NewTextHandler(sink, nil))
//	defer sink.Close(ctx)
//
// Put queues a record that is made a line of only when its turn comes, by Config.Format and not by who logs. Records and lines
// keep their order.
//
// Exchange gives a Sink another destination while lines go on coming: those before it go to the old one, those after it to
// the new one. An old one that stalls is left behind, with the goroutine that waits for it and what that has taken.
package logsink

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultBytes = 1 << 20
	recordBytes  = 256      // that a record counts for, which is about what its line takes
	writeBytes   = 64 << 10 // of lines that are made and written at once, but for the end of the last
)

// Config says where the lines go and how many may wait.
type Config struct {
	Dest   *Dest
	Bytes  int                                        // queued or being written, at most; 0: 1 MiB. A longer line never gets through
	Format func(line []byte, record any) (all []byte) // appends the line of a record that was Put; several may be at work at once
}

// Sink is an io.Writer that never makes its caller wait. Any number of goroutines may use it.
type Sink struct {
	// Set once, then read only.
	bytes  int
	format func([]byte, any) []byte

	dropped  atomic.Uint64
	progress atomic.Uint64 // lines made and writes that have returned

	// Guarded by mu, which nobody holds for longer than it takes to copy a line.
	mu     sync.Mutex
	work   sync.Cond // lines are queued, or closed, or another carrier is in charge; only the one in charge waits
	queued batch
	charge *carrier // who writes what is queued
	closed bool     // no line is taken any more
}

// carrier is a goroutine that takes lines to one destination until another one is put in charge.
type carrier struct {
	// Set once, then read only.
	dest *Dest
	done chan struct{} // closed when it has ended

	// Guarded by the Sink's mu.
	writing int   // bytes it has taken and not finished; of one that is yet to begin, those of the one before it
	rest    batch // what it still has to write, when it is no longer in charge
}

// New starts a Sink. Close ends its goroutine.
func New(c Config) *Sink {
	s := &Sink{bytes: c.Bytes, format: c.Format, charge: newCarrier(c.Dest)}
	s.work.L = &s.mu
	if s.bytes == 0 {
		s.bytes = defaultBytes
	}
	go s.carry(s.charge)
	return s
}

func newCarrier(dest *Dest) *carrier { return &carrier{dest: dest, done: make(chan struct{})} }

// Write queues p, which is one whole line, or drops and counts it: when the queue is full and after Close. It gives
// len(p) and no error either way, for there is nothing that a logger could do about it.
func (s *Sink) Write(p []byte) (int, error) {
	s.enqueue(p, nil)
	return len(p), nil
}

// Put queues a record, or drops and counts it as Write does a line.
func (s *Sink) Put(record any) { s.enqueue(nil, record) }

// Patient returns a context for Exchange or Close that ends when nothing is written for as long as d: a destination that is slow
// is waited for, and one that stalls is not.
func (s *Sink) Patient(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for last := s.progress.Load(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := s.progress.Load()
			if now == last {
				cancel()
			}
			last = now
		}
	}()
	return ctx, cancel
}

// Dropped is the number of lines that were lost so far.
func (s *Sink) Dropped() uint64 { return s.dropped.Load() }

// Exchange writes all further lines to dest, and returns when all that came before are written to the old
// destination; only then is dest written to, so that lines keep their order. If ctx ends before that, what is still queued
// goes to dest as well and the error says so. The old one is used until its last write returns, and what that loses is
// counted then. Exchange is not called twice at once, nor beside or after Close.
func (s *Sink) Exchange(ctx context.Context, dest *Dest) error {
	next := newCarrier(dest)
	last := s.relieve(next)
	var err error
	select {
	case <-last.done:
	case <-ctx.Done():
		err = fmt.Errorf("write to the old destination: %w", ctx.Err())
	}
	s.inherit(next, last)
	go s.carry(next)
	return err
}

// relieve puts next in charge, and leaves what is queued to the last one.
func (s *Sink) relieve(next *carrier) (last *carrier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last = s.charge
	s.charge = next
	last.rest, s.queued = s.queued, batch{}
	next.writing = last.writing + last.rest.size() // Bytes is kept meanwhile
	s.work.Signal()
	return last
}

// inherit queues what last has not begun to write before all that came since.
func (s *Sink) inherit(next, last *carrier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next.writing = 0
	if len(last.rest.ends) == 0 {
		return
	}
	all := last.rest
	last.rest = batch{}
	all.append(&s.queued)
	s.queued = all
}

// Close takes no more lines, and returns when all that were queued have been written. If ctx ends before that, what is
// still queued is dropped and the error says so; the goroutine then ends with the write that holds it.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	last := s.charge
	s.mu.Unlock()
	s.work.Signal()
	select {
	case <-last.done:
		return nil
	case <-ctx.Done():
	}
	return fmt.Errorf("write the last log lines, %d dropped: %w", s.abandon(), ctx.Err())
}

// enqueue queues a line, or where there is a record that.
func (s *Sink) enqueue(line []byte, record any) {
	size := len(line)
	if record != nil {
		size = recordBytes
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || size > s.bytes-s.charge.writing-s.queued.size() {
		s.dropped.Add(1)
		return
	}
	s.queued.add(line, record)
	s.work.Signal()
}

// abandon drops what is queued and tells how many lines that were.
func (s *Sink) abandon() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := len(s.queued.ends)
	s.queued.clear()
	s.dropped.Add(uint64(lost))
	return lost
}

// carry writes what is queued to c's destination, as long as c is in charge, and then what is left to it.
func (s *Sink) carry(c *carrier) {
	defer close(c.done)
	var spare, text batch // the batches change places, so that a busy log allocates nothing
	for s.wait(c) {
		// Before lines are taken: those that wait while a former carrier holds the destination can still go to another.
		c.dest.mu.Lock()
		taken := s.take(c, spare)
		for next := 0; next < len(taken.ends); {
			next = taken.render(&text, next, s.format)
			s.progress.Add(1)
			s.dropped.Add(uint64(len(text.ends) - c.dest.write(text)))
			s.progress.Add(1)
		}
		c.dest.mu.Unlock()
		s.wrote(c)
		taken.clear()
		spare = taken
	}
}

// wait waits for lines and reports whether there are any for c.
func (s *Sink) wait(c *carrier) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.charge == c && !s.closed && len(s.queued.ends) == 0 {
		s.work.Wait()
	}
	return len(s.of(c).ends) > 0
}

// of returns the lines that are c's to write. The caller holds mu.
func (s *Sink) of(c *carrier) *batch {
	if s.charge == c {
		return &s.queued
	}
	return &c.rest
}

// take exchanges the lines that are c's for an empty batch.
func (s *Sink) take(c *carrier, empty batch) (taken batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.of(c)
	taken, *lines = *lines, empty
	c.writing = taken.size()
	return taken
}

// wrote makes room for as many bytes as c has taken.
func (s *Sink) wrote(c *carrier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.writing = 0
}
