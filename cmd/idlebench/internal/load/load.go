// Package load is the client of the benchmark. It is driven in two steps, so that whoever measures can look at the
// processes in between and after:
//
//	l, err := load.Open(cfg)   // connected, and warm
//	result := l.Measure()      // the work, for cfg.Window
//
// Open connections are one goroutine each. Every reply is checked to be exactly what was sent; the first fault ends the
// measurement and is its result.
package load

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	Warm        time.Duration // of the same work before it is measured
	Window      time.Duration // for which it is measured
}

// Mode is what a connection is for.
type Mode string

// The modes.
const (
	Exchange Mode = "exchange" // connections stay open and exchange messages
	Connect  Mode = "connect"  // each message has a connection of its own
	Idle     Mode = "idle"     // one round trip when opened and one when measured; silence between
)

// Result is what was measured.
type Result struct {
	Operations uint64        `json:"operations"` // messages answered
	Elapsed    time.Duration `json:"elapsed"`    // nanoseconds, as all durations here
	P50        time.Duration `json:"p50"`
	P99        time.Duration `json:"p99"`
	P999       time.Duration `json:"p999"`
	Fault      string        `json:"fault,omitempty"` // what the proxy did wrong; the rest then means nothing
}

const (
	// patience is how long anything may take beyond the time that it was given, before it is a fault.
	patience = 15 * time.Second
	// dialers bounds the connects under way, to stay well within a listen backlog.
	dialers = 64
)

// Load is a set of open connections.
type Load struct {
	cfg     Config
	open    []*connection
	numbers atomic.Uint32 // of connections, in mode Connect
}

// Open connects and does the work for the time of cfg.Warm.
func Open(cfg Config) (*Load, error) {
	l := &Load{cfg: cfg}
	if cfg.Mode != Connect {
		if err := l.connect(); err != nil {
			l.Close()
			return nil, err
		}
	}
	if err := l.work(cfg.Warm, &histogram{}); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close closes all connections.
func (l *Load) Close() {
	for _, c := range l.open {
		if c != nil {
			c.conn.Close()
		}
	}
}

// Measure does the work for the time of cfg.Window.
func (l *Load) Measure() Result {
	var h histogram
	start := time.Now()
	err := l.work(l.cfg.Window, &h)
	r := Result{
		Operations: h.total.Load(), Elapsed: time.Since(start),
		P50: h.quantile(0.5), P99: h.quantile(0.99), P999: h.quantile(0.999),
	}
	if err != nil {
		r.Fault = err.Error()
	}
	return r
}

func (l *Load) connect() error {
	l.open = make([]*connection, l.cfg.Connections)
	var next atomic.Int64
	return each(min(dialers, len(l.open)), func(int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(l.open) {
				return nil
			}
			c, err := l.cfg.dial(uint32(i))
			if err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			l.open[i] = c
		}
	})
}

// work does what the mode says for d, and returns the faults of the connections that met one.
func (l *Load) work(d time.Duration, h *histogram) error {
	start := time.Now()
	if l.cfg.Mode == Connect {
		return each(l.cfg.Connections, func(int) error { return l.connectWork(start.Add(d), h) })
	}
	return each(len(l.open), func(i int) error {
		if err := l.exchangeWork(i, start, d, h); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		return nil
	})
}

func (l *Load) exchangeWork(i int, start time.Time, d time.Duration, h *histogram) error {
	c, stop := l.open[i], limit{end: start.Add(d)}
	if l.cfg.Mode == Idle {
		stop = limit{count: 1}
	}
	if err := c.conn.SetDeadline(start.Add(d + patience)); err != nil {
		return err
	}
	return c.exchange(stop, l.pace(i, start), h)
}

// pace spreads the first messages of all connections evenly over the time between two of one.
func (l *Load) pace(i int, start time.Time) *pacer {
	if l.cfg.Every == 0 || l.cfg.Mode == Idle {
		return nil
	}
	first := l.cfg.Every * time.Duration(i) / time.Duration(len(l.open))
	return &pacer{every: l.cfg.Every, next: start.Add(first), timer: time.NewTimer(0)}
}

// connectWork connects, exchanges one message and closes, again and again. What is recorded is all of it but the close.
func (l *Load) connectWork(end time.Time, h *histogram) error {
	var unused histogram
	for {
		start := time.Now()
		if !start.Before(end) {
			return nil
		}
		if err := l.connectOnce(end, &unused); err != nil {
			return err
		}
		h.record(time.Since(start))
	}
}

func (l *Load) connectOnce(end time.Time, h *histogram) error {
	number := l.numbers.Add(1)
	c, err := l.cfg.dial(number)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if err := c.conn.SetDeadline(end.Add(patience)); err != nil {
		return err
	}
	if err := c.exchange(limit{count: 1}, nil, h); err != nil {
		return fmt.Errorf("connection %d: %w", number, err)
	}
	return nil
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
