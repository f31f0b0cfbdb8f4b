package gateway

import (
	"log/slog"
	"sync"
	"time"

	"idlegate/gateway/internal/ledger"
	"idlegate/gateway/internal/session"
)

const (
	// stormLines is how many equal failures have a line of their own in each stormWindow. The others are summed up in one.
	stormLines  = 5
	stormWindow = time.Second
)

// storms keep the log short where many connections fail for the same cause: one backend that is down would fill it with
// thousands of equal lines a second. Ends that say something of their client each keep their line.
type storms struct {
	report func(summary) // called with mu held

	mu    sync.Mutex
	kinds map[failure]*storm // Guarded by mu; as many as routes, endpoints and reasons have, however many clients come.
}

// failure is what equal failures have in common.
type failure struct {
	route, endpoint string
	reason          session.Reason
}

// storm is a window in which failures of one kind came.
type storm struct {
	lines, more int
	over        *time.Timer
}

// summary says how many connections have failed beside those that have lines.
type summary struct {
	failure
	more int
	at   time.Time
}

func newStorms(report func(summary)) *storms {
	return &storms{report: report, kinds: map[failure]*storm{}}
}

// saysLittle reports whether the end of a connection says something of the backend or of the gateway, and next to nothing of
// the connection.
func saysLittle(r session.Reason) bool {
	switch r {
	case session.ConnectRefused, session.ConnectTimeout, session.ConnectFailed, session.NoEndpoint, session.TLSHandshakeFailed, session.TLSHandshakeTimeout, session.InternalError:
		return true
	}
	return false
}

// admit reports whether e gets a line of its own. One that does not is summed up.
func (s *storms) admit(e *ledger.Ended) bool {
	if !saysLittle(e.Reason) {
		return true
	}
	kind := failure{e.Route, e.Endpoint, e.Reason}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.kinds[kind]
	if now == nil {
		now = &storm{}
		now.over = time.AfterFunc(stormWindow, func() { s.onOver(kind) })
		s.kinds[kind] = now
	}
	if now.lines < stormLines {
		now.lines++
		return true
	}
	now.more++
	return false
}

// onOver sums a window up, and begins another where that was necessary.
func (s *storms) onOver(kind failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.kinds[kind]
	switch {
	case now == nil: // closed meanwhile
	case now.more == 0:
		delete(s.kinds, kind)
	default:
		s.report(summary{kind, now.more, time.Now()})
		now.lines, now.more = 0, 0
		now.over.Reset(stormWindow)
	}
}

// close sums up what is under way. Nothing is admitted any more.
func (s *storms) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for kind, now := range s.kinds {
		now.over.Stop()
		if now.more > 0 {
			s.report(summary{kind, now.more, time.Now()})
		}
	}
	clear(s.kinds)
}

// record is the line of a summary.
func (s summary) record() slog.Record {
	r := slog.NewRecord(s.at, slog.LevelInfo, "more connections ended in the last second", 0)
	r.AddAttrs(
		slog.String("route", s.route),
		slog.String("endpoint", s.endpoint),
		slog.String("reason", s.reason.String()),
		slog.Int("count", s.more),
	)
	return r
}
