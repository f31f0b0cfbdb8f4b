// Package load is the client of the benchmark. It is driven in two steps, so that the caller, who measures, can look at the
// processes in between and after:
//
//	l, err := load.Open(cfg)   // connected, and warm
//	result := l.Measure()      // the work, for cfg.Window
//
// Each mode is a file of its own. Whatever comes back is checked; the first faults end the measurement and are its result.
package load

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config is one kind of load. Sizes are in bytes.
type Config struct {
	Address     string
	Mode        Mode
	Connections int           // at the same time
	Depth       int           // messages under way on each
	Size        int           // of a message
	Every       time.Duration // between two messages of a connection; 0: as soon as there is a reply
	Timeout     time.Duration // in modes Due and Trickle: the proxy's
	Receipts    int           // in mode Bulk: the messages for which one comes, at most Depth; 0: each message is sent back
	Beats       bool          // every message is the same heartbeat, which a proxy may answer itself
	TLS         bool          // the client speaks TLS 1.3, and asks for ServerName
	RESP        bool          // what is sent at once is one command of Redis
	Narrow      bool          // the sockets hold little, the backend's too
	Warm        time.Duration // of the same work before it is measured
	Window      time.Duration // for which it is measured
	Patience    time.Duration // how long anything may take beyond the time that it was given, before it is a fault
}

// ServerName is what clients of TLS ask for.
const ServerName = "bench.example"

// Mode is what a connection is for.
type Mode string

// The modes.
const (
	Exchange Mode = "exchange" // connections stay open and exchange messages
	Connect  Mode = "connect"  // each message has a connection of its own
	Idle     Mode = "idle"     // one round trip when opened and one when measured; silence between
	Bulk     Mode = "bulk"     // connections send without waiting for replies, and receive meanwhile
	Due      Mode = "due"      // one round trip, the next connection's a share of Every later; silence until the proxy closes
	Trickle  Mode = "trickle"  // a byte at a time of a message that never becomes whole
	Stall    Mode = "stall"    // nothing is read until nothing more can be sent; when measured, all is
)

// Result is what was measured. What does not apply to the mode is 0.
type Result struct {
	Operations uint64        `json:"operations"` // messages answered
	Bytes      uint64        `json:"bytes"`      // of messages, both ways together
	Elapsed    time.Duration `json:"elapsed"`    // nanoseconds, as all durations here
	P50        time.Duration `json:"p50"`
	P99        time.Duration `json:"p99"`
	P999       time.Duration `json:"p999"`
	Closes     Closes        `json:"closes,omitzero"`
	Fault      string        `json:"fault,omitempty"` // what the proxy did wrong; the rest then means nothing
}

// Load is work that has been prepared.
type Load struct{ job job }

// job is the work of one mode.
type job interface {
	// open connects, and does the work for the time of Config.Warm.
	open() error
	// measure does the work for the time of Config.Window. Its error is the proxy's fault.
	measure(*Result) error
	// close closes all connections.
	close()
}

func (cfg Config) job() (job, error) {
	switch cfg.Mode {
	case Exchange, Idle:
		return &exchanges{cfg: cfg}, nil
	case Connect:
		return &connects{cfg: cfg}, nil
	case Bulk:
		return &bulk{cfg: cfg}, nil
	case Due:
		return &due{cfg: cfg}, nil
	case Trickle:
		return &trickle{cfg: cfg}, nil
	case Stall:
		return &stalls{cfg: cfg}, nil
	}
	return nil, fmt.Errorf("unknown mode %q", cfg.Mode)
}

// Open does all that comes before the measurement.
func Open(cfg Config) (*Load, error) {
	job, err := cfg.job()
	if err != nil {
		return nil, err
	}
	if err := job.open(); err != nil {
		job.close()
		return nil, err
	}
	return &Load{job: job}, nil
}

// Close closes all connections.
func (l *Load) Close() { l.job.close() }

// Measure does the work.
func (l *Load) Measure() Result {
	var r Result
	start := time.Now()
	err := l.job.measure(&r)
	r.Elapsed = time.Since(start)
	if err != nil {
		r.Fault = err.Error()
	}
	return r
}

// count enters operations that took so long.
func (r *Result) count(h *histogram) {
	r.Operations = h.total.Load()
	r.P50, r.P99, r.P999 = h.quantile(0.5), h.quantile(0.99), h.quantile(0.999)
}

// each runs work n times at once, and returns the first few of its errors.
func each(n int, work func(i int) error) error {
	const most = 3
	var mu sync.Mutex
	var failures []error
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if len(failures) < most {
					failures = append(failures, err)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}
