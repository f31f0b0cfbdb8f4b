package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"time"
)

// files are given out as they stand. To embed them takes a variable.
//
//go:embed page openapi.json
var files embed.FS

// contentPolicy lets the status page use its own files and this server's answers, and be framed by nobody.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerPage adds the status page to mux: three files that need nothing from elsewhere.
func registerPage(mux *http.ServeMux) {
	for _, asset := range []struct{ pattern, file, kind string }{
		{"GET /{$}", "page/index.html", "text/html"},
		{"GET /page.css", "page/page.css", "text/css"},
		{"GET /page.js", "page/page.js", "text/javascript"},
	} {
		if content, err := files.ReadFile(asset.file); err == nil {
			mux.Handle(asset.pattern, serveAsset(content, asset.file, asset.kind))
		}
	}
}

func serveAsset(content []byte, name, kind string) http.HandlerFunc {
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(content)))
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", kind+"; charset=utf-8")
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache") // kept, but asked for again: another version may be running
		header.Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}
