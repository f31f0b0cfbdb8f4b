package gateway

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/logsink"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/policy"
)

// journal writes the log. Loops hand it plain records through a bounded queue and never wait: what finds the queue full
// is dropped and counted, as is what finds the destination stalled.
type journal struct {
	// Set once, then read only.
	logger *slog.Logger // goes with every adopted style
	clock  *reactor.Clock
	queue  chan any
	done   chan struct{}
	sink   *logsink.Sink                // nil with a logger of the caller's
	style  atomic.Pointer[slog.Handler] // what logger writes with; not used with one of the caller's

	lost        atomic.Uint64
	connections atomic.Uint32 // a policy.LogConnections

	// Guarded by mu, which no loop takes.
	mu     sync.Mutex
	cfg    policy.Log // in force
	stderr *logsink.Dest
	file   *os.File // nil: standard error
	closed bool
}

// queued is how many records may wait to be written.
const queued = 8192

// flushTime is how long a destination has to take what is queued when the gateway ends, and what was being written to it
// when another takes its place.
const flushTime = time.Second

func newJournal(logger *slog.Logger, cfg policy.Log, clock *reactor.Clock) (*journal, error) {
	j := &journal{logger: logger, clock: clock, cfg: cfg, queue: make(chan any, queued), done: make(chan struct{})}
	j.connections.Store(uint32(cfg.Connections))
	if logger == nil {
		if err := j.open(cfg); err != nil {
			return nil, err
		}
	}
	go j.write()
	return j, nil
}

// dropped returns how many lines were lost.
func (j *journal) dropped() uint64 {
	n := j.lost.Load()
	if j.sink != nil {
		n += j.sink.Dropped()
	}
	return n
}

// close writes what is queued. No loop may report any more.
func (j *journal) close() {
	close(j.queue)
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.sink != nil {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		_ = j.sink.Close(ctx) // what was not written by then is counted
	}
	if j.file != nil {
		j.file.Close()
	}
}

func (j *journal) put(record any) {
	select {
	case j.queue <- record:
	default:
		j.lost.Add(1)
	}
}

// Ended takes the end of a connection from a loop.
func (j *journal) Ended(e relay.Ended) {
	switch policy.LogConnections(j.connections.Load()) {
	case policy.ConnectionsNone:
		return
	case policy.ConnectionsFaults:
		if !e.Reason.Fault() {
			return
		}
	}
	j.put(e)
}

// Observed takes from a loop that a timer would have ended a connection.
func (j *journal) Observed(o relay.Observed) { j.put(o) }

// SpokeAgain takes from a loop that a client spoke for which a dry run had counted the end.
func (j *journal) SpokeAgain(s relay.SpokeAgain) { j.put(s) }

// Trouble takes from a loop what is no connection's own.
func (j *journal) Trouble(t relay.Trouble) { j.put(t) }

func (j *journal) write() {
	defer close(j.done)
	for record := range j.queue {
		switch r := record.(type) {
		case relay.Ended:
			j.ended(r)
		case relay.Observed:
			j.observed(r)
		case relay.SpokeAgain:
			j.spokeAgain(r)
		case relay.Trouble:
			j.logger.Warn(r.Text) // its end, too: who filters by level must not see only the beginning
		}
	}
}

func (j *journal) ended(e relay.Ended) {
	j.line(int64(e.At), "connection ended",
		slog.Uint64("id", e.ID),
		slog.String("route", e.Route.Name),
		slog.String("client", clientText(e.Client)),
		slog.String("endpoint", e.Endpoint),
		slog.String("reason", e.Reason.String()),
		slog.Duration("duration", short(e.Duration)),
		slog.Uint64("client_bytes", e.Bytes[0]),
		slog.Uint64("client_messages", e.Messages[0]),
		slog.Uint64("upstream_bytes", e.Bytes[1]),
		slog.Uint64("upstream_messages", e.Messages[1]),
		slog.Duration("longest_silence", short(e.Silence)),
	)
}

func (j *journal) observed(o relay.Observed) {
	j.line(int64(o.At), "dry run: connection would have ended",
		slog.Uint64("id", o.ID),
		slog.String("route", o.Route.Name),
		slog.String("client", clientText(o.Client)),
		slog.String("timeout", o.Timer.String()),
		slog.Duration("age", short(o.Age)),
	)
}

func (j *journal) spokeAgain(s relay.SpokeAgain) {
	j.line(int64(s.At), "dry run: client spoke again",
		slog.Uint64("id", s.ID),
		slog.String("route", s.Route.Name),
		slog.String("client", clientText(s.Client)),
		slog.Duration("silence", short(s.Silence)),
	)
}

// line logs with the time at which the thing happened.
func (j *journal) line(at int64, text string, attrs ...slog.Attr) {
	ctx := context.Background()
	if !j.logger.Enabled(ctx, slog.LevelInfo) {
		return
	}
	record := slog.NewRecord(j.clock.Wall(at), slog.LevelInfo, text, 0)
	record.AddAttrs(attrs...)
	_ = j.logger.Handler().Handle(ctx, record) // the sink takes every line, or counts it
}

// short leaves of a duration what a reader can use.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

func clientText(client netip.AddrPort) string {
	if !client.IsValid() {
		return "unix"
	}
	return client.String()
}
