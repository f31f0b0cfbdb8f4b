package load

import (
	"errors"
	"fmt"
	"time"
)

// exchanges is the work of the modes Exchange and Idle: connections that stay open, a goroutine each.
type exchanges struct {
	cfg      Config
	fleet    fleet
	speakers []*exchanger
}

func (e *exchanges) open() error {
	var err error
	if e.fleet, err = e.cfg.dialAll(); err != nil {
		return err
	}
	for _, c := range e.fleet {
		e.speakers = append(e.speakers, e.cfg.exchanger(c))
	}
	return e.work(e.cfg.Warm, &histogram{})
}

func (e *exchanges) measure(r *Result) error {
	var h histogram
	err := e.work(e.cfg.Window, &h)
	r.count(&h)
	return err
}

func (e *exchanges) close() { e.fleet.close() }

func (e *exchanges) work(d time.Duration, h *histogram) error {
	start := time.Now()
	stop := limit{end: start.Add(d)}
	if e.cfg.Mode == Idle {
		stop = limit{count: 1}
	}
	return e.fleet.each(func(c *connection) error {
		if err := c.conn.SetDeadline(start.Add(d + e.cfg.Patience)); err != nil {
			return err
		}
		return e.speakers[c.number].exchange(stop, e.pace(c.number, start), h)
	})
}

// pace spreads the first messages of all connections evenly over the time between two of one.
func (e *exchanges) pace(number uint32, start time.Time) *pacer {
	if e.cfg.Every == 0 || e.cfg.Mode == Idle {
		return nil
	}
	first := e.cfg.Every * time.Duration(number) / time.Duration(len(e.fleet))
	return &pacer{every: e.cfg.Every, next: start.Add(first), timer: time.NewTimer(0)}
}

// exchanger is a connection that asks and waits for what comes back.
type exchanger struct {
	*connection
	write    []byte
	sent     []time.Time // of the messages not answered, a ring of Config.Depth
	asked    uint64
	answered uint64
}

func (cfg Config) exchanger(c *connection) *exchanger {
	return &exchanger{connection: c, sent: make([]time.Time, cfg.Depth)}
}

// limit is when a connection stops asking: at end, or after that many messages, whichever is written.
type limit struct {
	end   time.Time
	count uint64
}

func (l limit) room(now time.Time, asked uint64) uint64 {
	if !l.end.IsZero() && !now.Before(l.end) {
		return 0
	}
	if l.count > 0 {
		return l.count - min(asked, l.count)
	}
	return 1 << 62
}

// exchange keeps up to as many messages under way as sent has room for until l, and returns once all are answered. It
// sends again what was answered in one write, as a client that pipelines does.
func (e *exchanger) exchange(l limit, pace *pacer, h *histogram) error {
	asked := e.asked
	for {
		if e.asked == e.answered {
			pace.wait(l.end)
		}
		now := time.Now()
		room := min(l.room(now, e.asked-asked), uint64(len(e.sent))-(e.asked-e.answered))
		if room == 0 && e.asked == e.answered {
			return nil
		}
		if err := e.ask(room, now); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := e.await(h); err != nil {
			return fmt.Errorf("after %d replies: %w", e.answered, err)
		}
	}
}

func (e *exchanger) ask(n uint64, now time.Time) error {
	if n == 0 {
		return nil
	}
	e.write = e.write[:0]
	for range n {
		e.write = e.out.Append(e.write)
		e.sent[e.asked%uint64(len(e.sent))] = now
		e.asked++
	}
	_, err := e.conn.Write(e.write)
	return err
}

// await reads once, and records every reply that is whole then.
func (e *exchanger) await(h *histogram) error {
	whole, err := e.receive()
	if err != nil {
		return err
	}
	now := time.Now()
	for range whole {
		if e.answered == e.asked {
			return errors.New("one that was never asked for")
		}
		h.record(now.Sub(e.sent[e.answered%uint64(len(e.sent))]))
		e.answered++
	}
	return nil
}

// pacer spaces messages out; nil does not.
type pacer struct {
	every time.Duration
	next  time.Time
	timer *time.Timer
}

// wait returns when the next message is due, or at end.
func (p *pacer) wait(end time.Time) {
	if p == nil {
		return
	}
	due := p.next
	p.next = p.next.Add(p.every)
	if due.After(end) {
		due = end
	}
	p.timer.Reset(time.Until(due))
	<-p.timer.C
}
