package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPagesDoWhatTheStatusPageDoes(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[string]int{}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/api/v1")
		mu.Lock()
		asked[path]++
		mu.Unlock()
		if path == "/events" {
			<-r.Context().Done()
		}
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	p := openPages(t.Context(), 1, socket)
	limit := time.After(20 * time.Second)
	for seen := false; !seen; {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-limit:
			t.Fatalf("asked was %v", asked)
		}
		mu.Lock()
		seen = true
		for _, path := range []string{"/events", "/status", "/routes", "/upstreams", "/silence", "/history", "/connections"} {
			seen = seen && asked[path] > 0
		}
		mu.Unlock()
		p.mu.Lock()
		seen = seen && p.rounds > 0
		p.mu.Unlock()
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestPagesThatSeeNothingAreAFault(t *testing.T) {
	p := openPages(context.Background(), 2, filepath.Join(t.TempDir(), "nobody.sock"))
	if err := p.close(); err == nil {
		t.Error("no error")
	}
}
