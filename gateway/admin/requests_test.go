package admin

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswersAreCountedByTheirStatus(t *testing.T) {
	var counts requests
	handler := counts.counted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/text":
			_, _ = w.Write([]byte("x"))
			w.WriteHeader(http.StatusTeapot) // too late
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
		case "/gives/up":
			panic(http.ErrAbortHandler)
		}
	}))
	for _, path := range []string{"/text", "/text", "/early", "/nothing", "/gives/up"} {
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		}()
	}
	if diff := cmp.Diff(map[int]uint64{200: 4, 404: 1}, counts.figures()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
