package demo

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// gatewayLog is the log of the demo's gateway: it gives the end of a client's connection to the one that follows that client
// and lets the narrator say how others end, and what else is wrong.
type gatewayLog struct {
	narrator *narrator
	quiet    atomic.Bool // nothing is said of connections that nobody follows

	// Guarded by mu.
	mu       sync.Mutex
	followed map[string]follower // by the client's address
}

type follower struct {
	part  part
	ended chan<- end
}

func newGatewayLog(n *narrator) *gatewayLog {
	return &gatewayLog{narrator: n, followed: map[string]follower{}}
}

// follow returns where the end of a client's connection will come.
func (l *gatewayLog) follow(client string, p part) <-chan end {
	ended := make(chan end, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followed[client] = follower{part: p, ended: ended}
	return ended
}

// silence stops what it says of connections that nobody follows.
func (l *gatewayLog) silence() { l.quiet.Store(true) }

// Enabled makes gatewayLog a slog.Handler.
func (l *gatewayLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle takes one line of the log.
func (l *gatewayLog) Handle(_ context.Context, r slog.Record) error {
	e, ok := endOf(r)
	if !ok {
		if r.Level > slog.LevelInfo { // where it listens the demo has said itself
			l.narrator.say("gateway", r.Message)
		}
		return nil
	}
	l.mu.Lock()
	f, followed := l.followed[e.client]
	delete(l.followed, e.client)
	l.mu.Unlock()
	if !followed {
		if l.quiet.Load() {
			return nil
		}
		l.narrator.say("gateway", e.String())
		return nil
	}
	l.narrator.end(f.part, e)
	f.ended <- e
	return nil
}

// endOf reads the line of a connection's end; other lines have no reason.
func endOf(r slog.Record) (e end, ok bool) {
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "client":
			e.client = a.Value.String()
		case "route":
			e.route = a.Value.String()
		case "reason":
			e.reason, ok = a.Value.String(), true
		case "duration":
			e.duration = a.Value.String()
		case "client_messages":
			e.messages[0] = a.Value.Uint64()
		case "upstream_messages":
			e.messages[1] = a.Value.Uint64()
		}
		return true
	})
	return e, ok
}

// WithAttrs returns l: the gateway says all in each line.
func (l *gatewayLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup returns l.
func (l *gatewayLog) WithGroup(string) slog.Handler { return l }
