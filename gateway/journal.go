package gateway

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/logsink"
	"idlegate/gateway/internal/reactor"
	"idlegate/gateway/internal/relay"
	"idlegate/gateway/internal/session"
	"idlegate/gateway/internal/tlsio"
	"idlegate/policy"
)

// journal writes the log. Loops hand it plain records, which wait in the bounded queue of its sink and are made lines there;
// they never wait themselves. What finds the queue full is dropped and counted, as is what finds the destination stalled.
type journal struct {
	// Set once, then read only.
	logger *slog.Logger // goes with every adopted style
	deeds  *slog.Logger // the same, for lines that are written at every level: beginning, end, what operators do
	clock  *reactor.Clock
	own    bool // logger is not the caller's
	sink   *logsink.Sink
	events events
	lately lately
	level  slog.LevelVar // of lines that are written
	byHand atomic.Bool   // level is an operator's, not the file's
	storms *storms
	style  atomic.Pointer[slog.Handler] // what logger writes with; not used with one of the caller's
	always atomic.Pointer[slog.Handler] // what deeds writes with; not used with one of the caller's
	lines  atomic.Pointer[slog.Handler] // what makes lines of records: in the same style, to text

	connections atomic.Uint32 // a policy.LogConnections

	formatting sync.Mutex   // held while one line is made
	text       bytes.Buffer // Guarded by formatting; the line.

	// Guarded by mu, which no loop takes.
	mu     sync.Mutex
	cfg    policy.Log // in force
	stderr *logsink.Dest
	file   *os.File // nil: standard error
	closed bool
}

// queued is how many bytes may wait to be written: those of some 8,000 lines about ended connections.
const queued = 2 << 20

// flushTime is how long a destination may take nothing of what is queued when the gateway ends, or of what was being written to it
// when another takes its place.
const flushTime = time.Second

func newJournal(logger *slog.Logger, cfg policy.Log, clock *reactor.Clock) (*journal, error) {
	j := &journal{logger: logger, deeds: logger, own: logger == nil, clock: clock, cfg: cfg}
	j.storms = newStorms(func(s summary) { j.sink.Put(s.record()) })
	j.connections.Store(uint32(cfg.Connections))
	if j.own {
		if err := j.open(cfg); err != nil {
			return nil, err
		}
		return j, nil
	}
	handler := logger.Handler()
	j.lines.Store(&handler) // which leaves nothing in text
	j.start(logsink.NewDest(io.Discard))
	return j, nil
}

func (j *journal) start(dest *logsink.Dest) {
	j.sink = logsink.New(logsink.Config{Dest: dest, Bytes: queued, Format: j.format})
}

// dropped returns how many lines were lost.
func (j *journal) dropped() uint64 { return j.sink.Dropped() }

// close writes what is queued. No loop may report any more.
func (j *journal) close() {
	j.storms.close()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	ctx := context.Background()
	if j.own { // a logger of the caller's is the caller's to hold up
		var cancel context.CancelFunc
		ctx, cancel = j.sink.Patient(flushTime)
		defer cancel()
	}
	_ = j.sink.Close(ctx) // what was not written by then is counted
	if j.file != nil {
		j.file.Close()
	}
}

// Ended takes the end of a connection from a loop.
func (j *journal) Ended(e ledger.Ended) {
	j.events.ended(&e)
	switch policy.LogConnections(j.connections.Load()) {
	case policy.ConnectionsNone:
		return
	case policy.ConnectionsFaults:
		if !e.Reason.Fault() {
			return
		}
	}
	if j.storms.admit(&e) {
		j.sink.Put(e)
	}
}

// Observed takes from a loop that a timer would have ended a connection.
func (j *journal) Observed(o relay.Observed) { j.sink.Put(o) }

// Resumed takes from a loop that a client spoke for which a dry run had counted the end.
func (j *journal) Resumed(s relay.Resumed) { j.sink.Put(s) }

// Trouble takes from a loop what is no connection's own.
func (j *journal) Trouble(t relay.Trouble) {
	// That something is over is a warning, too: who filters by level must not see only the beginning.
	j.sink.Put(slog.NewRecord(time.Now(), slog.LevelWarn, t.Text, 0))
}

// Health takes what has become of an endpoint or an upstream from a loop.
func (j *journal) Health(h relay.Health) {
	j.events.health(&h)
	j.sink.Put(healthRecord(h))
}

// format appends the line of a record.
func (j *journal) format(line []byte, record any) []byte {
	j.formatting.Lock()
	defer j.formatting.Unlock()
	j.text.Reset()
	switch r := record.(type) {
	case ledger.Ended:
		j.ended(r)
	case relay.Observed:
		j.observed(r)
	case relay.Resumed:
		j.resumed(r)
	case slog.Record:
		j.handle(r)
		if j.text.Len() > 0 {
			_, _ = j.lately.Write(j.text.Bytes())
		}
	}
	return append(line, j.text.Bytes()...)
}

// health logs it, from elsewhere than a loop. It may be called when the gateway has ended.
func (j *journal) health(h relay.Health) {
	j.events.health(&h)
	ctx, handler, record := context.Background(), j.logger.Handler(), healthRecord(h)
	if handler.Enabled(ctx, record.Level) {
		_ = handler.Handle(ctx, record) // a lost line is counted
	}
}

// healthRecord says it.
func healthRecord(h relay.Health) slog.Record {
	at := time.Now()
	switch h.Event {
	case relay.EndpointEjected:
		r := slog.NewRecord(at, slog.LevelWarn, "endpoint ejected", 0)
		r.Add("upstream", h.Upstream, "endpoint", h.Endpoint, "failures", h.Change.Failures, "for", h.Change.For, "error", h.Change.Failure)
		return r
	case relay.EndpointBack:
		r := slog.NewRecord(at, slog.LevelInfo, "endpoint back", 0)
		r.Add("upstream", h.Upstream, "endpoint", h.Endpoint, "after", short(h.Change.After))
		return r
	case relay.EndpointDown:
		r := slog.NewRecord(at, slog.LevelWarn, "endpoint down", 0)
		r.Add("upstream", h.Upstream, "endpoint", h.Endpoint, "failures", h.Change.Failures, "error", h.Change.Failure)
		return r
	case relay.EndpointUp:
		r := slog.NewRecord(at, slog.LevelInfo, "endpoint up", 0)
		r.Add("upstream", h.Upstream, "endpoint", h.Endpoint, "after", short(h.Change.After))
		return r
	case relay.UpstreamOut:
		r := slog.NewRecord(at, slog.LevelError, "upstream has no healthy endpoint left", 0)
		r.Add("upstream", h.Upstream)
		return r
	}
	r := slog.NewRecord(at, slog.LevelInfo, "upstream has a healthy endpoint again", 0)
	r.Add("upstream", h.Upstream)
	return r
}

func (j *journal) ended(e ledger.Ended) {
	attrs := []slog.Attr{
		slog.Uint64("id", e.ID),
		slog.String("route", e.Route),
		slog.String("client", clientText(e.Client)),
		slog.String("endpoint", e.Endpoint),
		slog.String("reason", e.Reason.String()),
		slog.Duration("duration", short(e.Duration)),
		slog.Uint64("client_bytes", e.Bytes[0]),
		slog.Uint64("client_messages", e.Messages[0]),
		slog.Uint64("upstream_bytes", e.Bytes[1]),
		slog.Uint64("upstream_messages", e.Messages[1]),
		slog.Duration("longest_silence", short(e.Silence)),
	}
	if e.Proxy.IsValid() {
		attrs = append(attrs, slog.String("proxy", e.Proxy.String()))
	}
	if e.ServerName != "" {
		attrs = append(attrs, slog.String("server_name", e.ServerName))
	}
	if n := e.Heartbeats[session.Client]; n > 0 {
		attrs = append(attrs, slog.Uint64("client_heartbeats", n))
	}
	if e.Error != "" {
		attrs = append(attrs, slog.String("error", e.Error))
	}
	if f := e.TLS; f != nil {
		attrs = append(attrs, tlsAttrs(f)...)
	}
	if b := e.Breach; b != nil {
		attrs = append(attrs, slog.String("rule", b.Rule), slog.String("from", b.From.String()),
			slog.Uint64("offset", b.Offset), slog.String("bytes", hex.EncodeToString(b.Bytes)))
	}
	j.line(int64(e.At), "connection ended", attrs...)
}

// tlsAttrs are of the TLS with a client: what there is of it.
func tlsAttrs(f *tlsio.Facts) []slog.Attr {
	attrs := []slog.Attr{slog.String("tls_version", f.VersionName()), slog.String("tls_cipher", f.CipherName())}
	for _, a := range []slog.Attr{
		slog.String("alpn", f.Protocol), slog.String("client_certificate", f.Subject),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
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

func (j *journal) resumed(s relay.Resumed) {
	j.line(int64(s.At), "dry run: false cut",
		slog.Uint64("id", s.ID),
		slog.String("route", s.Route.Name),
		slog.String("client", clientText(s.Client)),
		slog.Duration("silence", short(s.Silence)),
	)
}

// line logs with the time at which the thing happened.
func (j *journal) line(at int64, text string, attrs ...slog.Attr) {
	record := slog.NewRecord(j.clock.Wall(at), slog.LevelInfo, text, 0)
	record.AddAttrs(attrs...)
	j.handle(record)
}

// handle makes a line of a record, where the level in force lets it.
func (j *journal) handle(record slog.Record) {
	ctx, lines := context.Background(), *j.lines.Load()
	if lines.Enabled(ctx, record.Level) {
		_ = lines.Handle(ctx, record) // text takes every line
	}
}

// short leaves of a duration what a reader can use.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
