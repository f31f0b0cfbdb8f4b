package admin

import (
	"net/http"
	"net/http/pprof"
)

// registerProfiles adds Go's own pages about where time and memory go. They may take longer than writeTimeout, which they
// move themselves.
func registerProfiles(mux *http.ServeMux) {
	mux.HandleFunc("/debug/pprof/", pprof.Index) // and the profiles that have no page of their own
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}
