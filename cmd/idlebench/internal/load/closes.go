package load

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Closes says when a proxy closed connections of its own accord, as counted from when each was due. That is not known
// to the instant, since the client does not know when the proxy read what it had sent: Earliest counts from the first
// instant that is possible, so that a connection below 0 was closed too early beyond doubt, the others from the last.
type Closes struct {
	Watched  int           `json:"watched"`
	Closed   int           `json:"closed"` // of those
	Earliest time.Duration `json:"earliest"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
}

// closings collects what becomes of connections.
type closings struct {
	mu sync.Mutex
	// Guarded by mu.
	watched  int
	earliest []time.Duration
	late     []time.Duration
}

// record enters a connection that was closed at an instant, or never where that is zero.
func (c *closings) record(closed, earliest, latest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched++
	if !closed.IsZero() {
		c.earliest = append(c.earliest, closed.Sub(earliest))
		c.late = append(c.late, closed.Sub(latest))
	}
}

func (c *closings) sum() Closes {
	s := Closes{Watched: c.watched, Closed: len(c.late)}
	if s.Closed == 0 {
		return s
	}
	slices.Sort(c.late)
	s.Earliest = slices.Min(c.earliest)
	s.P50 = c.late[s.Closed/2]
	s.P99 = c.late[s.Closed*99/100]
	return s
}

// awaitClose returns when the proxy ended the connection, with FIN or RST; zero where it has not by the read deadline.
func (c *connection) awaitClose() (time.Time, error) {
	n, err := c.conn.Read(c.read)
	now := time.Now()
	switch {
	case n > 0:
		return now, errors.New("more bytes than were sent")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return now, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return time.Time{}, nil
	}
	return now, err
}
