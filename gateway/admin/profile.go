package admin

import (
	"net/http"
	"net/http/pprof"
	"time"
)

// registerProfiles adds Go's own pages about where time and memory go.
func registerProfiles(mux *http.ServeMux) {
	for path, page := range map[string]http.HandlerFunc{
		"/debug/pprof/":        pprof.Index, // and the profiles that have no page of their own
		"/debug/pprof/cmdline": pprof.Cmdline,
		"/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol":  pprof.Symbol,
		"/debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(path, unhurried(page))
	}
}

// unhurried lets a page take longer than readTimeout. A profile is taken for 30 s by default and ends early when the call
// does, which it seems to when the deadline for reading it passes. pprof itself moves the one for writing.
func unhurried(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
			text(w, http.StatusInternalServerError, err.Error())
			return
		}
		page(w, r)
	}
}
