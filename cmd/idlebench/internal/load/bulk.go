package load

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"idlegate/cmd/idlebench/internal/message"
)

// bulk is the work of mode Bulk: connections that send and receive at once, a goroutine for each of the two, so that
// neither way ever waits for the other but through the bound on messages under way.
type bulk struct {
	cfg   Config
	fleet fleet
}

func (b *bulk) open() error {
	var err error
	if b.fleet, err = b.cfg.dialAll(); err != nil {
		return err
	}
	return b.work(b.cfg.Warm, &histogram{})
}

func (b *bulk) measure(r *Result) error {
	var h histogram
	err := b.work(b.cfg.Window, &h)
	r.count(&h)
	r.Bytes = r.Operations * uint64(b.cfg.Size)
	if b.cfg.Receipts == 0 {
		r.Bytes *= 2
	}
	return err
}

func (b *bulk) close() { b.fleet.close() }

func (b *bulk) work(d time.Duration, h *histogram) error {
	end := time.Now().Add(d)
	return b.fleet.each(func(c *connection) error {
		if err := c.conn.SetDeadline(end.Add(b.cfg.Patience)); err != nil {
			return err
		}
		f := flow{connection: c, covers: max(b.cfg.Receipts, 1), end: end}
		if b.cfg.Receipts > 0 {
			f.reply, f.last = message.Silence, message.Receipt
		}
		return f.run(b.cfg.Depth, h)
	})
}

// flow is a connection while messages flow on it.
type flow struct {
	*connection
	end    time.Time
	covers int           // messages covered by one reply
	reply  message.Reply // to all of them but the last
	last   message.Reply
}

// run keeps up to depth messages under way until the end, and returns once all are answered.
func (f *flow) run(depth int, h *histogram) error {
	// When each message under way was sent. One more than the channel holds is in the hands of its reader.
	underWay := make(chan time.Time, depth-1)
	var sending error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(underWay)
		if sending = f.send(underWay); sending != nil {
			f.conn.Close()
		}
	})
	err := f.answers(underWay, h)
	if err != nil {
		f.conn.Close()
		for range underWay { // until the sender has noticed
			continue
		}
	}
	wg.Wait()
	if sending != nil && (err == nil || errors.Is(err, net.ErrClosed)) {
		return fmt.Errorf("write: %w", sending)
	}
	return err
}

// send stops where a reply covers all that it has sent.
func (f *flow) send(underWay chan<- time.Time) error {
	for {
		now := time.Now()
		if !now.Before(f.end) {
			return nil
		}
		for i := range f.covers {
			f.out.Reply = f.reply
			if i == f.covers-1 {
				f.out.Reply = f.last
			}
			underWay <- now
			parts := f.out.Parts()
			if _, err := parts.WriteTo(f.conn); err != nil {
				return err
			}
			now = time.Now()
		}
	}
}

// answers waits for the reply to each message.
func (f *flow) answers(underWay <-chan time.Time, h *histogram) error {
	covered := 0
	for sent := range underWay {
		for covered == 0 {
			whole, err := f.receive()
			if err != nil {
				return err
			}
			covered = whole * f.covers
		}
		covered--
		h.record(time.Since(sent))
	}
	if covered > 0 {
		return errors.New("more replies than were asked for")
	}
	return nil
}
