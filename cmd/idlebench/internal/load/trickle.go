package load

import (
	"fmt"
	"time"

	"idlegate/cmd/idlebench/internal/message"
)

// trickle is the work of mode Trickle: connections that send a byte at a time of a message that never becomes whole.
type trickle struct {
	cfg      Config
	closings closings
}

// open leaves connecting to measure, since the proxy counts its timeouts from there.
func (*trickle) open() error { return nil }

func (*trickle) close() {}

func (t *trickle) measure(r *Result) error {
	start := time.Now()
	err := each(t.cfg.Connections, func(i int) error {
		first := t.cfg.Every * time.Duration(i) / time.Duration(t.cfg.Connections)
		if err := t.one(uint32(i), start.Add(first), start.Add(t.cfg.Window)); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		return nil
	})
	r.Closes = t.closings.sum()
	return err
}

// one sends from the instant first on, until it is cut off or until end.
func (t *trickle) one(number uint32, first, end time.Time) error {
	<-time.After(time.Until(first))
	c, err := t.cfg.dial(number)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if err := c.conn.SetDeadline(end); err != nil {
		return err
	}
	begun := time.Now()
	over := make(chan struct{})
	go c.dribble(t.cfg.Every, over)
	closed, err := c.awaitClose()
	close(over)
	if err == nil {
		t.closings.record(closed, begun.Add(t.cfg.Timeout), begun.Add(t.cfg.Timeout))
	}
	return err
}

// dribble sends all of a message but the last byte, unless it is over before. Nothing of it may be sent back: that would
// be a sign of life of another kind.
func (c *connection) dribble(every time.Duration, over <-chan struct{}) {
	c.out.Reply = message.Silence
	whole := c.out.Append(nil)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for at := range len(whole) - 1 {
		if _, err := c.conn.Write(whole[at : at+1]); err != nil {
			return // the reader knows better why
		}
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}
