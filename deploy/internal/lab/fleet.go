package lab

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// FleetConfig says what clients do.
type FleetConfig struct {
	To      string        // the address that they connect to
	Clients int           // how many there are at any time
	Every   time.Duration // between two lines of a client; 0: it says nothing
	Message string        // the line, with its end; "hello\n" where none is given
	Deaf    bool          // they never read
	Probes  bool          // they answer the line ping with pong
	Again   time.Duration // before a client whose connection has ended connects again; 0: 200 ms
}

// Fleet is a number of clients that connect again whenever their connection has ended, until the fleet leaves.
type Fleet struct {
	cfg    FleetConfig
	leave  context.CancelFunc
	silent atomic.Bool
	all    sync.WaitGroup
}

// StartFleet starts clients. They leave when the test ends.
func StartFleet(t testing.TB, cfg FleetConfig) *Fleet {
	t.Helper()
	if cfg.Message == "" {
		cfg.Message = "hello\n"
	}
	if cfg.Again == 0 {
		cfg.Again = 200 * time.Millisecond
	}
	ctx, leave := context.WithCancel(t.Context())
	f := &Fleet{cfg: cfg, leave: leave}
	for range cfg.Clients {
		f.all.Go(func() {
			for ctx.Err() == nil {
				f.visit(ctx)
				pause(ctx, cfg.Again)
			}
		})
	}
	t.Cleanup(f.Leave)
	return f
}

// Silence has the clients say no more, and stay.
func (f *Fleet) Silence() { f.silent.Store(true) }

// Speak ends the silence.
func (f *Fleet) Speak() { f.silent.Store(false) }

// Leave closes all connections, by FIN, and waits until the last client has left.
func (f *Fleet) Leave() {
	f.leave()
	f.all.Wait()
}

// visit is one connection, from its beginning to its end.
func (f *Fleet) visit(ctx context.Context) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.cfg.To)
	if err != nil {
		return
	}
	defer conn.Close()
	ctx, end := context.WithCancel(ctx)
	defer end()
	if !f.cfg.Deaf {
		go func() {
			defer end()
			f.read(conn)
		}()
	}
	if f.cfg.Every == 0 {
		<-ctx.Done()
		return
	}
	for pause(ctx, f.cfg.Every) {
		if f.silent.Load() {
			continue
		}
		if _, err := io.WriteString(conn, f.cfg.Message); err != nil {
			return
		}
	}
}

// read takes what comes, until the connection ends.
func (f *Fleet) read(conn net.Conn) {
	if !f.cfg.Probes {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if lines.Text() == "ping" {
			if _, err := io.WriteString(conn, "pong\n"); err != nil {
				return
			}
		}
	}
}

// pause waits for d. It is false where ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
