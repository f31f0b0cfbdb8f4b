package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPagesAskWhatTheStatusPageAsks goes by what a browser with that page was seen to ask, which its own test holds it to.
func TestPagesAskWhatTheStatusPageAsks(t *testing.T) {
	text, err := os.ReadFile("../../gateway/admin/testdata/page_asks.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := append(strings.Split(strings.TrimSpace(string(text)), "\n"), pageHistory+" "+pageShares)
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[string]int{}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := strings.TrimSpace(strings.TrimPrefix(r.RequestURI, "/api/v1") + " " + r.Header.Get("Cache-Control"))
		mu.Lock()
		asked[call]++
		mu.Unlock()
		if r.URL.Path == "/api/v1/events" {
			<-r.Context().Done()
		}
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	p := openPages(t.Context(), pagesOpen, socket) // of which some soon ask for what is asked for seldom
	limit := time.After(time.Minute)
	for seen := false; !seen; {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit:
			mu.Lock()
			defer mu.Unlock()
			t.Fatalf("asked was %v", asked)
		}
		mu.Lock()
		seen = true
		for _, call := range want {
			seen = seen && asked[call] > 0
		}
		mu.Unlock()
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for call := range asked {
		if !slices.Contains(want, call) {
			t.Errorf("the page does not ask %q", call)
		}
	}
}

func TestPagesKeepTheRhythmOfTheStatusPage(t *testing.T) {
	for _, one := range []struct {
		file, words string
		value       time.Duration
	}{
		{"page.js", "const every = %d,", pageEvery},
		{"page.js", "const left = every - Date.now() % every;\n  return left < %d ? left + every : left;", pageShared},
		{"connections.js", "everyMany = %d;", listEvery},
		{"hour.js", "const every = %d;", historyEvery},
		{"hour.js", "const minutes = 60, span = 60000;", 0},
		{"hour.js", "2 + Math.ceil(gone / span)", 0}, // 3 minutes where the rounds go on
		{"gateway.js", "await Promise.all([work(), work()]);", 0},
	} {
		text, err := os.ReadFile(filepath.Join("../../gateway/admin/page", one.file))
		if err != nil {
			t.Fatal(err)
		}
		words := strings.ReplaceAll(one.words, "%d", strconv.FormatInt(one.value.Milliseconds(), 10))
		if !strings.Contains(string(text), words) {
			t.Errorf("%s has no %q: it may keep another rhythm", one.file, words)
		}
	}
}

func TestPagesThatSeeNothingAreAFault(t *testing.T) {
	p := openPages(context.Background(), 2, filepath.Join(t.TempDir(), "nobody.sock"))
	if err := p.close(); err == nil {
		t.Error("no error")
	}
}
