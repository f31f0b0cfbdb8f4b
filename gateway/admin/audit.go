package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"idlegate/gateway/admin/api"
)

// audit writes a line for each call that changes something, done or not: who, what, and what came of it. Those who listen to events
// hear the same.
type audit struct {
	logger *slog.Logger
	noted  interface{ Note(api.Deed) } // nil: nobody listens
	token  bool                        // one is demanded, so who gets here has shown it
}

// note writes the line of a call that was answered so; err is nil where it was done.
func (a audit) note(r *http.Request, status int, body any, err error) {
	d := a.who(r)
	d.Call, d.Status, d.Result = callOf(r), status, resultOf(body, err)
	attributes := []slog.Attr{slog.String("from", d.From)}
	if d.Certificate != "" {
		attributes = append(attributes, slog.String("certificate", d.Certificate))
	}
	if d.Token != "" {
		attributes = append(attributes, slog.String("token", d.Token))
	}
	attributes = append(attributes, slog.String("call", d.Call), slog.Int("status", d.Status))
	switch answered := body.(type) {
	case api.Closed:
		attributes = append(attributes, slog.Int("closed", answered.Closed))
	case api.Reload:
		attributes = append(attributes, slog.Uint64("generation", answered.Generation))
	}
	level := slog.LevelInfo
	if status >= http.StatusBadRequest { // also a policy file that was refused
		level = slog.LevelWarn
	}
	if err != nil {
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	a.logger.LogAttrs(r.Context(), level, "the operator called", append(attributes, slog.String("result", d.Result))...)
	if a.noted != nil {
		a.noted.Note(d)
	}
}

func callOf(r *http.Request) string {
	what := r.Method + " " + r.URL.Path
	if r.URL.RawQuery != "" {
		what += "?" + r.URL.RawQuery
	}
	const most = 300
	if len(what) > most {
		what = strings.ToValidUTF8(what[:most], "") + "…"
	}
	return what
}

// resultOf says in words what came of a call.
func resultOf(body any, err error) string {
	if err != nil {
		return "failed: " + err.Error()
	}
	switch answered := body.(type) {
	case api.Closed:
		return fmt.Sprintf("closed %d", answered.Closed)
	case api.Reload:
		if !answered.OK {
			return "refused: " + answered.Error
		}
		changes := "changes"
		if len(answered.Changes) == 1 {
			changes = "change"
		}
		return fmt.Sprintf("generation %d, %d %s", answered.Generation, len(answered.Changes), changes)
	}
	return "done"
}

// who tells callers apart as far as they have shown who they are.
func (a audit) who(r *http.Request) api.Deed {
	d := api.Deed{From: caller(r)}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		d.Certificate = r.TLS.VerifiedChains[0][0].Subject.String()
	}
	if a.token {
		d.Token, _ = r.Context().Value(shownToken{}).(string)
	}
	return d
}

// caller is the address that a call came from, or unix.
func caller(r *http.Request) string {
	if r.RemoteAddr == "" || r.RemoteAddr == "@" {
		return api.Unix
	}
	return r.RemoteAddr
}
