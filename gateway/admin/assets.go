package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"path"
	"time"
)

// files are given out as they stand. To embed them takes a variable.
//
//go:embed page openapi.json
var files embed.FS

// contentPolicy lets the status page use its own files and this server's answers, and be framed by nobody.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerPage adds the status page to mux: page/index.html at /, and what lies beside it at /page.js and the like.
func registerPage(mux *http.ServeMux) {
	entries, _ := files.ReadDir("page") // what is embedded can be read
	for _, entry := range entries {
		name := entry.Name()
		content, _ := files.ReadFile("page/" + name)
		switch path.Ext(name) {
		case ".html":
			mux.Handle("GET /{$}", serveAsset(content, "text/html; charset=utf-8"))
		case ".css":
			mux.Handle("GET /"+name, serveAsset(content, "text/css; charset=utf-8"))
		case ".js":
			mux.Handle("GET /"+name, serveAsset(content, "text/javascript; charset=utf-8"))
		case ".svg":
			mux.Handle("GET /"+name, serveAsset(content, "image/svg+xml"))
		}
	}
}

func serveAsset(content []byte, kind string) http.HandlerFunc {
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(content))
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", kind)
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-cache") // kept, but asked for again: another version may be running
		header.Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}
