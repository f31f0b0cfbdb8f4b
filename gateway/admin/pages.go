package admin

import (
	"fmt"
	"net/http"
)

// pages are what there is to read.
type pages struct {
	gateway Gateway
	version string
	metrics http.Handler
}

// forScrapers has what an open listener may show.
func (p pages) forScrapers() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics) // GET is HEAD too; other methods get 405
	mux.HandleFunc("GET /healthz", p.health)
	mux.HandleFunc("GET /readyz", p.ready)
	return mux
}

// forOperator has all pages.
func (p pages) forOperator() *http.ServeMux {
	mux := p.forScrapers()
	mux.HandleFunc("GET /{$}", p.index)
	return mux
}

func (p pages) index(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, fmt.Sprintf(`idlegate %s

/metrics  the figures, for Prometheus
/healthz  200 as long as the process answers
/readyz   200 while new connections are served; else 503 and the reason`, p.version))
}

func (p pages) health(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") }

func (p pages) ready(w http.ResponseWriter, _ *http.Request) {
	if ready, reason := p.gateway.Ready(); !ready {
		text(w, http.StatusServiceUnavailable, reason)
		return
	}
	text(w, http.StatusOK, "ready")
}

func text(w http.ResponseWriter, status int, body string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, body)
}
