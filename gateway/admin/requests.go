package admin

import (
	"context"
	"net/http"
	"sync/atomic"

	"idlegate/metrics"
)

// requests counts answers by their status code.
type requests struct{ codes [600]atomic.Uint64 }

// counted is next with each of its answers counted.
func (c *requests) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &notedWriter{ResponseWriter: w, code: http.StatusOK}
		defer func() { // also where the handler gives up by a panic, as net/http lets them
			if noted.code < len(c.codes) {
				c.codes[noted.code].Add(1)
			}
		}()
		next.ServeHTTP(noted, r)
	})
}

// figures are those that were answered with at least once.
func (c *requests) figures() map[int]uint64 {
	all := map[int]uint64{}
	for code := range c.codes {
		if n := c.codes[code].Load(); n > 0 {
			all[code] = n
		}
	}
	return all
}

// notedWriter notes the status of an answer.
type notedWriter struct {
	http.ResponseWriter
	code  int
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (w *notedWriter) WriteHeader(code int) {
	if !w.wrote && code >= http.StatusOK { // what is below goes before the answer
		w.code, w.wrote = code, true
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (w *notedWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *notedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// withRequests is a source of the gateway's figures and of those of its admin server.
type withRequests struct {
	metrics.Source
	requests *requests
}

// Snapshot implements metrics.Source.
func (s withRequests) Snapshot(ctx context.Context) (metrics.Snapshot, error) {
	snapshot, err := s.Source.Snapshot(ctx)
	snapshot.AdminRequests = s.requests.figures()
	return snapshot, err
}
