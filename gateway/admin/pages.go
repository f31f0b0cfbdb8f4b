package admin

import (
	"fmt"
	"net/http"
)

// pages are what there is to read on both listeners.
type pages struct {
	gateway Gateway
	metrics http.Handler
}

// register adds what an open listener may show, and the operator's shows as well.
func (p pages) register(mux *http.ServeMux) {
	mux.Handle("GET /metrics", p.metrics) // GET is HEAD too; other methods get 405
	mux.HandleFunc("GET /healthz", p.health)
	mux.HandleFunc("GET /readyz", p.ready)
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
