package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAViewerMayLookAndChangeNothing(t *testing.T) {
	f := fakeFleet()
	mux := http.NewServeMux()
	noted := audit{logger: slog.New(slog.DiscardHandler), noted: f, token: true}
	calls{gateway: f, audit: noted}.register(mux)
	registerProfiles(mux)
	is := func(token string) func() (string, error) { return func() (string, error) { return token, nil } }
	lock := newLock(mux, is("operator's"), is("viewer's"), noted)
	for _, test := range []struct {
		token, call string
		status      int
	}{
		{"viewer's", "GET /api/v1/status", 200},
		{"viewer's", "HEAD /api/v1/connections", 200},
		{"viewer's", "POST /api/v1/plan", 200},
		{"viewer's", "POST /api/v1/reload", 403},
		{"viewer's", "POST /api/v1/drain", 403},
		{"viewer's", "DELETE /api/v1/connections?route=chat", 403},
		{"viewer's", "POST /api/v1/upstreams/device_servers/drain?endpoint=10.0.0.11:9000", 403},
		{"viewer's", "GET /debug/pprof/heap", 403},
		{"operator's", "DELETE /api/v1/connections?route=chat", 200},
		{"somebody's", "GET /api/v1/status", 401},
		{"", "GET /api/v1/status", 401},
	} {
		method, target, _ := strings.Cut(test.call, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		if test.token != "" {
			r.Header.Set("Authorization", "Bearer "+test.token)
		}
		w := httptest.NewRecorder()
		lock.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s with %q: %d, want %d: %s", test.call, test.token, w.Code, test.status, w.Body)
		}
	}
	for token, viewer := range map[string]string{"viewer's": `"viewer":true`, "operator's": `"viewer":false`} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/status", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		if lock.ServeHTTP(w, r); !strings.Contains(w.Body.String(), viewer) {
			t.Errorf("status of the %s caller has no %s: %s", token, viewer, w.Body)
		}
	}
	var deeds []string
	for _, d := range f.noted {
		deeds = append(deeds, fmt.Sprintf("%s %s %d", d.Token, d.Call, d.Status))
	}
	want := []string{
		"viewer POST /api/v1/reload 403", "viewer POST /api/v1/drain 403", "viewer DELETE /api/v1/connections?route=chat 403",
		"viewer POST /api/v1/upstreams/device_servers/drain?endpoint=10.0.0.11:9000 403", "operator DELETE /api/v1/connections?route=chat 200",
	}
	if diff := cmp.Diff(want, deeds); diff != "" {
		t.Errorf("noted deeds, those that a viewer was refused among them: -want +got\n%s", diff)
	}
}

func TestWithoutAViewersTokenThereIsNoViewer(t *testing.T) {
	lock := newLock(http.NotFoundHandler(), func() (string, error) { return "operator's", nil }, nil, audit{logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/status", nil)
	r.Header.Set("Authorization", "Bearer viewer's")
	w := httptest.NewRecorder()
	if lock.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("answered with %d", w.Code)
	}
}
