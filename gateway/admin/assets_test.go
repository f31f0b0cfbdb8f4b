package admin

import (
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
)

func served(t *testing.T, target string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	registerPage(mux)
	r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
	r.Header = header
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func TestThePageMayUseThisServerAndNothingElse(t *testing.T) {
	kinds := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		content, err := files.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		w := served(t, "/"+strings.TrimSuffix(name, "index.html"), nil)
		if w.Code != http.StatusOK || w.Body.String() != string(content) {
			t.Errorf("%s: status %d, %d bytes of %d", name, w.Code, w.Body.Len(), len(content))
		}
		for header, want := range map[string]string{
			"Content-Type": kinds[path.Ext(name)],
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"Referrer-Policy":        "no-referrer",
			"X-Content-Type-Options": "nosniff",
			"Cache-Control":          "no-cache",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestAPageThatIsKeptIsNotSentAgain(t *testing.T) {
	tag := served(t, "/", nil).Header().Get("ETag")
	if w := served(t, "/", http.Header{"If-None-Match": {tag}}); tag == "" || w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("the same ETag %s: status %d, %d bytes", tag, w.Code, w.Body.Len())
	}
	if w := served(t, "/", http.Header{"If-None-Match": {`"another"`}}); w.Code != http.StatusOK {
		t.Errorf("another ETag: status %d", w.Code)
	}
}

func TestOnlyThePageIsGivenOut(t *testing.T) {
	for _, target := range []string{"/page", "/page/", "/page/index.html", "/index.html", "/openapi.json", "/assets.go", "/..%2fopenapi.json"} {
		if w := served(t, target, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", target, w.Code)
		}
	}
}

// mostBytes is what a browser loads of the page, all of its files together, at most.
const mostBytes = 150 << 10

func TestThePageIsLight(t *testing.T) {
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, entry := range entries {
		content, err := files.ReadFile("page/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		sum += len(content)
		if lines := strings.Count(string(content), "\n"); path.Ext(entry.Name()) == ".js" && lines > 300 {
			t.Errorf("%s has %d lines, want at most 300", entry.Name(), lines)
		}
	}
	if sum > mostBytes {
		t.Errorf("the page has %d bytes, want at most %d", sum, mostBytes)
	}
}
