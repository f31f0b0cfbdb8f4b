package admin

import (
	"log/slog"
	"net/http"

	"idlegate/gateway/admin/api"
)

// audit writes a line for each call that changes something, done or not: who, what, and what came of it.
type audit struct {
	logger *slog.Logger
	token  bool // one is demanded, so who gets here has shown it
}

// note writes the line of a call that was answered so; err is nil where it was done.
func (a audit) note(r *http.Request, status int, body any, err error) {
	what := r.Method + " " + r.URL.Path
	if r.URL.RawQuery != "" {
		what += "?" + r.URL.RawQuery
	}
	const most = 300
	if len(what) > most {
		what = what[:most] + "…"
	}
	attributes := append(a.who(r), slog.String("call", what), slog.Int("status", status))
	switch answered := body.(type) {
	case api.Closed:
		attributes = append(attributes, slog.Int("closed", answered.Closed))
	case api.Reload:
		attributes = append(attributes, slog.Uint64("generation", answered.Generation))
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	a.logger.LogAttrs(r.Context(), level, "the operator called", attributes...)
}

// who tells callers apart as far as they have shown who they are.
func (a audit) who(r *http.Request) []slog.Attr {
	known := []slog.Attr{slog.String("from", caller(r))}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		known = append(known, slog.String("certificate", r.TLS.VerifiedChains[0][0].Subject.String()))
	}
	if a.token {
		known = append(known, slog.String("token", "operator"))
	}
	return known
}

// caller is the address that a call came from, or unix.
func caller(r *http.Request) string {
	if r.RemoteAddr == "" || r.RemoteAddr == "@" {
		return api.Unix
	}
	return r.RemoteAddr
}
