package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// stalls is the work of mode Stall: clients that ask for a lot and read none of it, until nobody on the way takes a byte
// more. Measured is that all comes back once they read.
type stalls struct {
	cfg    Config
	fleet  fleet
	asked  []uint64      // messages begun, by connection
	unsent []net.Buffers // of the last of those, by connection
}

// calm is how long a connection takes no byte until it counts as clogged.
const calm = 300 * time.Millisecond

func (s *stalls) open() error {
	var err error
	if s.fleet, err = s.cfg.dialAll(); err != nil {
		return err
	}
	s.asked, s.unsent = make([]uint64, len(s.fleet)), make([]net.Buffers, len(s.fleet))
	end := time.Now().Add(s.cfg.Patience)
	return s.fleet.each(func(c *connection) error { return s.clog(c, end) })
}

func (s *stalls) close() { s.fleet.close() }

// clog sends until nothing is taken any more, with pauses: on connections that were fast, the kernel has grown the proxy's
// buffers to tens of megabytes each, and once all connections together are beyond its bound (tcp_mem) it drops what it
// has acknowledged, and they come back to life only by retransmission, half a minute later.
func (s *stalls) clog(c *connection, end time.Time) error {
	for time.Now().Before(end) {
		<-time.After(s.cfg.Every)
		s.asked[c.number]++
		parts := c.out.Parts()
		for len(parts) > 0 {
			if err := c.conn.SetWriteDeadline(time.Now().Add(calm)); err != nil {
				return err
			}
			n, err := parts.WriteTo(c.conn)
			if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
				s.unsent[c.number] = parts
				return nil
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
	return errors.New("never clogged")
}

func (s *stalls) measure(r *Result) error {
	err := s.fleet.each(s.drain)
	for _, n := range s.asked {
		r.Operations += n
	}
	r.Bytes = 2 * r.Operations * uint64(s.cfg.Size)
	return err
}

// drain sends the rest of the last message and reads all that was asked for.
func (s *stalls) drain(c *connection) error {
	if err := c.conn.SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	var sending error
	var wg sync.WaitGroup
	wg.Go(func() { _, sending = s.unsent[c.number].WriteTo(c.conn) })
	err := s.receiveAll(c)
	if err != nil {
		c.conn.Close() // so that sending ends
	}
	wg.Wait()
	if err != nil {
		return err
	}
	return sending
}

// receiveAll is patient as long as bytes come at all.
func (s *stalls) receiveAll(c *connection) error {
	asked := s.asked[c.number]
	for answered := uint64(0); answered < asked; {
		if err := c.conn.SetReadDeadline(time.Now().Add(s.cfg.Patience)); err != nil {
			return err
		}
		whole, err := c.receive()
		if err != nil {
			return fmt.Errorf("after %d replies of %d: %w", answered, asked, err)
		}
		answered += uint64(whole)
	}
	return nil
}
