// Package logsink puts a bounded queue before a log's destination, so that whoever logs never waits for it.
//
// Write copies its line to the queue and returns. One goroutine takes what is queued to the destination, in order. A line
// that finds the queue full is dropped, as are those the destination refuses; Dropped counts them, and logging goes on as
// soon as there is room again. Beneath a slog handler, whose records are one Write each, it keeps an event loop from
// standing still behind a full disk or a terminal that is held.
//
//	sink := logsink.New(logsink.Config{Dest: os.Stderr})
//	logger := slog.New(slog.NewTextHandler(sink, nil))
//	defer sink.Close(ctx)
package logsink

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// defaultBytes is some 4,000 lines about ended connections.
const defaultBytes = 1 << 20

// Config says where the lines go and how many may wait.
type Config struct {
	Dest  io.Writer // used by one goroutine only; not closed
	Bytes int       // queued or being written, at most; 0: 1 MiB. A longer line never gets through
}

// Sink is an io.Writer that never makes its caller wait. Any number of goroutines may use it.
type Sink struct {
	// Set once, then read only.
	dest  io.Writer
	bytes int
	wake  chan struct{} // holds a token while there may be work
	done  chan struct{} // closed when the goroutine has ended

	dropped atomic.Uint64

	// Guarded by mu, which nobody holds for longer than it takes to copy a line.
	mu      sync.Mutex
	queued  batch
	writing int  // bytes the goroutine has taken and not finished
	closed  bool // no line is taken any more

	// Owned by the goroutine.
	torn bool // the destination ends with a part of a line
}

// batch is some whole lines, one after the other.
type batch struct {
	lines []byte
	ends  []int // where in lines each line ends
}

// New starts a Sink. Close ends its goroutine.
func New(c Config) *Sink {
	s := &Sink{
		dest:  c.Dest,
		bytes: c.Bytes,
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
	if s.bytes == 0 {
		s.bytes = defaultBytes
	}
	go s.run()
	return s
}

// Write queues p, which is one whole line, or drops and counts it: when the queue is full and after Close. It gives
// len(p) and no error either way, for there is nothing that a logger could do about it.
func (s *Sink) Write(p []byte) (int, error) {
	if !s.enqueue(p) {
		s.dropped.Add(1)
		return len(p), nil
	}
	s.notify()
	return len(p), nil
}

// Dropped is the number of lines that were lost so far.
func (s *Sink) Dropped() uint64 { return s.dropped.Load() }

// Close takes no more lines, and returns when all that were queued have been written. If ctx ends before that, what is
// still queued is dropped and the error says so; the goroutine then ends with the write that holds it.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.notify()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	return fmt.Errorf("write the last log lines, %d dropped: %w", s.abandon(), ctx.Err())
}

func (s *Sink) enqueue(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(p) > s.bytes-s.writing-len(s.queued.lines) {
		return false
	}
	s.queued.lines = append(s.queued.lines, p...)
	s.queued.ends = append(s.queued.ends, len(s.queued.lines))
	return true
}

func (s *Sink) notify() {
	select {
	case s.wake <- struct{}{}:
	default: // the token is there: the goroutine will see the line
	}
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

func (s *Sink) run() {
	defer close(s.done)
	var spare batch // the two batches change places, so that a busy log allocates nothing
	for range s.wake {
		taken, closed := s.take(spare)
		s.dropped.Add(uint64(len(taken.ends) - s.write(taken)))
		taken.clear()
		spare = taken
		if closed {
			return
		}
	}
}

// take exchanges the queued lines for an empty batch. Nothing will be queued after it said closed.
func (s *Sink) take(empty batch) (taken batch, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, s.queued = s.queued, empty
	s.writing = len(taken.lines)
	return taken, s.closed
}

// write gives a batch to the destination and tells how many of its lines arrived whole. What an error leaves over is not
// tried again: the lines behind it are due by then.
func (s *Sink) write(b batch) int {
	defer s.wrote()
	if len(b.lines) == 0 || !s.mend() {
		return 0
	}
	n, _ := s.dest.Write(b.lines) // how many were lost tells of the error; a log about the log would meet the same one
	if n >= len(b.lines) {
		return len(b.ends)
	}
	n = max(n, 0)
	arrived := 0
	for arrived < len(b.ends) && b.ends[arrived] <= n {
		arrived++
	}
	s.torn = n > 0 && (arrived == 0 || b.ends[arrived-1] < n)
	return arrived
}

// mend ends a line that was cut off, lest the next one be glued to it.
func (s *Sink) mend() bool {
	if !s.torn {
		return true
	}
	n, _ := s.dest.Write([]byte{'\n'})
	s.torn = n != 1
	return !s.torn
}

// wrote makes room for as many bytes as were taken.
func (s *Sink) wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = 0
}

func (b *batch) clear() { b.lines, b.ends = b.lines[:0], b.ends[:0] }
