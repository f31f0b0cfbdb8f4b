package load

import (
	"fmt"
	"sync/atomic"
	"time"
)

// connects is the work of mode Connect: each message has a connection of its own.
type connects struct {
	cfg     Config
	numbers atomic.Uint32 // of connections
}

func (c *connects) open() error { return c.work(c.cfg.Warm, &histogram{}) }

func (c *connects) measure(r *Result) error {
	var h histogram
	err := c.work(c.cfg.Window, &h)
	r.count(&h)
	return err
}

func (c *connects) close() {}

// work records of each connection all but the close.
func (c *connects) work(d time.Duration, h *histogram) error {
	end := time.Now().Add(d)
	return each(c.cfg.Connections, func(int) error {
		for {
			start := time.Now()
			if !start.Before(end) {
				return nil
			}
			if err := c.once(end); err != nil {
				return err
			}
			h.record(time.Since(start))
		}
	})
}

// once connects, exchanges one message and closes.
func (c *connects) once(end time.Time) error {
	conn, err := c.cfg.dial(c.numbers.Add(1))
	if err != nil {
		return err
	}
	defer conn.conn.Close()
	if err := conn.conn.SetDeadline(end.Add(c.cfg.Patience)); err != nil {
		return err
	}
	var unused histogram
	if err := c.cfg.exchanger(conn).exchange(limit{count: 1}, nil, &unused); err != nil {
		return fmt.Errorf("connection %d: %w", conn.number, err)
	}
	return nil
}
