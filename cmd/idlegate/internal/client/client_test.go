package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	made, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// serve starts a server that answers status and body to everything.
func serve(t *testing.T, status int, kind, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]target{
		"127.0.0.1:9180":          {network: "tcp", dial: "127.0.0.1:9180", host: "127.0.0.1:9180"},
		"gateway.internal:80":     {network: "tcp", dial: "gateway.internal:80", host: "gateway.internal:80"},
		"[2001:db8::1]:9180":      {network: "tcp", dial: "[2001:db8::1]:9180", host: "[2001:db8::1]:9180"},
		":9181":                   {network: "tcp", dial: "127.0.0.1:9181", host: "127.0.0.1:9181"},
		"unix:/run/idlegate.sock": {network: "unix", dial: "/run/idlegate.sock", host: "idlegate"},
		"http://127.0.0.1:9180":   {network: "tcp", dial: "127.0.0.1:9180", host: "127.0.0.1:9180"},
		"http://[::1]:9180/":      {network: "tcp", dial: "[::1]:9180", host: "[::1]:9180"},
		"https://10.0.0.1:9180":   {network: "tcp", dial: "10.0.0.1:9180", host: "10.0.0.1:9180", secure: true},
		"https://gateway:9180/":   {network: "tcp", dial: "gateway:9180", host: "gateway:9180", secure: true},
	} {
		if got, err := parseTarget(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{"localhost", `gateway at "localhost": "localhost" has no port; write host:port, as in localhost:7000`},
		{"http://localhost", `gateway at "http://localhost": "localhost" has no port; write host:port, as in localhost:7000`},
		{"http://localhost:9180/api", `gateway at "http://localhost:9180/api": "localhost:9180/api" must end in a port from 0 to 65535, as in localhost:7000`},
		{"ftp://localhost:9180", `gateway at "ftp://localhost:9180": "ftp://localhost:9180" is a URL; write host:port`},
		{"http://unix:/run/a.sock", `gateway at "http://unix:/run/a.sock": a unix socket needs no http: write unix:/run/a.sock`},
		{"https://unix:/run/a.sock", `gateway at "https://unix:/run/a.sock": a unix socket needs no https: write unix:/run/a.sock`},
	} {
		_, err := New(Config{Address: c.config})
		var wrong *AddressError
		if !errors.As(err, &wrong) || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", c.config, err, c.want)
		}
	}
}

func TestUnixSocketAndToken(t *testing.T) {
	dir := t.TempDir()
	socket, token := filepath.Join(dir, "s"), filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Host != "idlegate" || r.Header.Get("Authorization") != "Bearer sesame" || r.URL.Path != "/api/v1/status" {
			t.Errorf("asked %s %s with %v", r.Host, r.URL, r.Header)
		}
		fmt.Fprint(w, `{"version": "v1"}`)
	})}}
	server.Start()
	defer server.Close()
	c := newClient(t, Config{Address: "unix:" + socket, TokenFile: token})
	if status, err := c.Status(t.Context()); err != nil || status.Version != "v1" {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestTokenFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if _, err := New(Config{TokenFile: file}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, text := range []string{"", "\n", "two words"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{TokenFile: file}); err == nil {
			t.Errorf("%q is taken for a token", text)
		}
	}
}

// pages serves a listing of total connections whose ids are total-1 to 0, and notes what it was asked.
func pages(t *testing.T, total int) (c *Client, asked *[]string) {
	t.Helper()
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		*asked = append(*asked, query.Encode())
		first, _ := strconv.Atoi(query.Get("cursor"))
		limit, _ := strconv.Atoi(query.Get("limit"))
		page := api.Connections{Total: total, Connections: []api.Connection{}}
		for i := first; i < min(first+limit, total); i++ {
			page.Connections = append(page.Connections, api.Connection{ID: uint64(total - 1 - i)})
		}
		if query.Has("cursor") {
			page.Total = len(page.Connections)
			if first+limit < total {
				page.Next = strconv.Itoa(first + limit)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	return newClient(t, Config{Address: server.Listener.Addr().String()}), asked
}

func TestAllJoinsPages(t *testing.T) {
	first := "cursor=first&limit=1000"
	for name, c := range map[string]struct {
		total, limit int
		sort         string
		asked        []string
		want         int
		firstID      uint64
	}{
		"none open":                   {total: 0, asked: []string{first}, want: 0},
		"one page":                    {total: 1000, asked: []string{first}, want: 1000},
		"three pages":                 {total: 2001, asked: []string{first, "cursor=1000&limit=1000", "cursor=2000&limit=1000"}, want: 2001},
		"another order":               {total: 1001, sort: "-id", asked: []string{first, "cursor=1000&limit=1000"}, want: 1001, firstID: 1000},
		"a limit within a page":       {total: 2001, limit: 3, sort: "-id", asked: []string{"limit=3&sort=-id"}, want: 3, firstID: 2000},
		"a limit beyond a page":       {total: 2001, limit: 1500, asked: []string{first, "cursor=1000&limit=1000", "cursor=2000&limit=1000"}, want: 1500},
		"a limit beyond all there is": {total: 5, limit: 1500, asked: []string{first}, want: 5},
	} {
		t.Run(name, func(t *testing.T) {
			client, asked := pages(t, c.total)
			all, err := client.All(t.Context(), api.Filter{}, c.sort, c.limit)
			if err != nil || len(all.Connections) != c.want || all.Total != c.total {
				t.Errorf("%d of %d, %v; want %d of %d", len(all.Connections), all.Total, err, c.want, c.total)
			}
			if !slices.Equal(*asked, c.asked) {
				t.Errorf("asked %q, want %q", *asked, c.asked)
			}
			if len(all.Connections) > 0 && all.Connections[0].ID != c.firstID {
				t.Errorf("connection %d is first, want %d", all.Connections[0].ID, c.firstID)
			}
		})
	}
}

func TestReload(t *testing.T) {
	refused := `{"trigger": "call", "ok": false, "problems": [{"file": "a.yaml", "line": 2, "column": 3, "text": "x", "source": "y"}]}`
	reload, err := newClient(t, Config{Address: serve(t, http.StatusUnprocessableEntity, "application/json", refused)}).Reload(t.Context())
	want := api.Reload{Trigger: "call", Problems: []api.Problem{{File: "a.yaml", Line: 2, Column: 3, Text: "x", Source: "y"}}}
	if diff := cmp.Diff(want, reload); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	_, err = newClient(t, Config{Address: serve(t, http.StatusConflict, "application/json", `{"error": "made from no file"}`)}).Reload(t.Context())
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Sentence != "made from no file" || refusal.Status != http.StatusConflict {
		t.Errorf("%v", err)
	}
}

func TestFilterQuery(t *testing.T) {
	got := filterQuery(api.Filter{Route: "a b", State: api.Open, Idle: 90 * time.Second, Due: 250 * time.Millisecond, Search: "x&y"}).Encode()
	if want := "due=250ms&idle=90000ms&q=x%26y&route=a+b&state=open"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := filterQuery(api.Filter{}); len(got) != 0 {
		t.Errorf("no filter: %v", got)
	}
}

// TestEndedJoinsPages reads more connections that have ended than a page has room for.
func TestEndedJoinsPages(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		asked = append(asked, query.Encode())
		limit, _ := strconv.Atoi(query.Get("limit"))
		page := api.Endings{Ended: make([]api.Ended, limit)}
		if query.Get("cursor") == api.FirstPage {
			page.Next = "1000-7"
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	client := newClient(t, Config{Address: server.Listener.Addr().String()})
	for limit, want := range map[int][]string{
		20:   {"limit=20&route=r"},
		1000: {"limit=1000&route=r"},
		1500: {"cursor=first&limit=1000&route=r", "cursor=1000-7&limit=500&route=r"},
	} {
		asked = nil
		ended, err := client.Ended(t.Context(), api.EndedQuery{Route: "r", Limit: limit})
		if err != nil || len(ended.Ended) != limit || !slices.Equal(asked, want) {
			t.Errorf("of %d: %d, asked %q, %v; want %q", limit, len(ended.Ended), asked, err, want)
		}
	}
}
