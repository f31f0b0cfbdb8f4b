package load

import (
	"fmt"
	"net"
	"time"

	"idlegate/cmd/idlebench/internal/message"
)

// connection is one client's connection with what it has sent and still awaits.
type connection struct {
	conn     net.Conn
	out      message.Writer
	in       message.Reader
	write    []byte
	read     []byte
	held     int         // bytes of a reply that is not whole yet, at the start of read
	sent     []time.Time // of the messages not answered, a ring of depth
	asked    uint64
	answered uint64
}

func (cfg Config) dial(number uint32) (*connection, error) {
	c, err := net.DialTimeout("tcp", cfg.Address, patience)
	if err != nil {
		return nil, err
	}
	return &connection{
		conn: c,
		out:  message.Writer{Connection: number, Size: cfg.Size},
		in:   message.NewReader(number),
		read: make([]byte, max(cfg.Size*cfg.Depth, 512)),
		sent: make([]time.Time, cfg.Depth),
	}, nil
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

// exchange keeps up to depth messages under way until l, and returns once all are answered. It sends again what was
// answered in one write, as a client that pipelines does.
func (c *connection) exchange(l limit, pace *pacer, h *histogram) error {
	asked := c.asked
	for {
		if c.asked == c.answered {
			pace.wait(l.end)
		}
		now := time.Now()
		room := min(l.room(now, c.asked-asked), uint64(len(c.sent))-(c.asked-c.answered))
		if room == 0 && c.asked == c.answered {
			return nil
		}
		if err := c.ask(room, now); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := c.await(h); err != nil {
			return err
		}
	}
}

func (c *connection) ask(n uint64, now time.Time) error {
	if n == 0 {
		return nil
	}
	c.write = c.write[:0]
	for range n {
		c.write = c.out.Append(c.write)
		c.sent[c.asked%uint64(len(c.sent))] = now
		c.asked++
	}
	_, err := c.conn.Write(c.write)
	return err
}

// await reads once, and checks every reply that is whole then.
func (c *connection) await(h *histogram) error {
	n, err := c.conn.Read(c.read[c.held:])
	if err != nil {
		return fmt.Errorf("read after %d replies: %w", c.answered, err)
	}
	now := time.Now()
	c.held += n
	at := 0
	for {
		n, err := c.in.Next(c.read[at:c.held])
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if c.answered == c.asked {
			return fmt.Errorf("message %d: was never sent", c.answered)
		}
		h.record(now.Sub(c.sent[c.answered%uint64(len(c.sent))]))
		c.answered++
		at += n
	}
	c.held = copy(c.read, c.read[at:c.held])
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
