package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// fake is a gateway that gives recorded answers and remembers what it was asked.
//
// The answer to GET /api/v1/connections/17 is the file answers/GET_connections_17.json, of the script or else of testdata; with
// a status other than 200 it is answers/404_GET_connections_17.json. What has no file is not known. A call or a recorded answer
// that a gateway would not take or give is answered with 500 and the reason.
type fake struct {
	contract contract
	folders  []string

	// Guarded by mu.
	mu    sync.Mutex
	asked []string // METHOD /path?query, below the prefix
}

// asFake is the key of a script's fake.
type asFake struct{}

// startFake gives a script a gateway of its own, where IDLEGATE_ADMIN leads.
func startFake(env *testscript.Env) error {
	f, err := newFake(filepath.Join(env.WorkDir, "answers"))
	if err != nil {
		return err
	}
	server := httptest.NewServer(f)
	env.Defer(server.Close)
	env.Setenv("IDLEGATE_ADMIN", server.Listener.Addr().String())
	env.Values[asFake{}] = f
	return nil
}

// newFake makes a fake whose answers are in folder, or else in testdata.
func newFake(folder string) (*fake, error) {
	shared, err := filepath.Abs("testdata/answers")
	if err != nil {
		return nil, err
	}
	described, err := readContract()
	return &fake{contract: described, folders: []string{folder, shared}}, err
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	query := r.URL.Query().Encode() // sorted
	f.mu.Lock()
	f.asked = append(f.asked, strings.TrimSuffix(r.Method+" "+path+"?"+query, "?"))
	f.mu.Unlock()
	if path == "/events" {
		f.stream(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	status, body := f.answer(r.Method + strings.ReplaceAll(path, "/", "_") + ".json")
	if err := f.contract.check(r, status, w.Header(), body); err != nil {
		status, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"error": %q}`, err)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// stream gives the recorded stream answers/GET_events.txt, and ends, or where that says so goes on until the caller leaves.
func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, folder := range f.folders {
		if body, err := os.ReadFile(filepath.Join(folder, "GET_events.txt")); err == nil {
			_, _ = w.Write(body)
			if strings.Contains(string(body), ": goes on") {
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}
			return
		}
	}
}

func (f *fake) answer(name string) (status int, body []byte) {
	for _, folder := range f.folders {
		found, _ := filepath.Glob(filepath.Join(folder, "*"+name))
		if len(found) == 0 {
			continue
		}
		body, err := os.ReadFile(found[0])
		if err != nil {
			return http.StatusInternalServerError, nil
		}
		prefix := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(found[0]), name), "_")
		status, _ := strconv.Atoi(prefix)
		return cmp.Or(status, http.StatusOK), body
	}
	return http.StatusNotFound, []byte(`{"error": "there is no ` + name + `"}`)
}

// asked CALL... demands that the script's gateway was called just so since it was last asked.
func scriptAsked(ts *testscript.TestScript, _ bool, args []string) {
	f := ts.Value(asFake{}).(*fake)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.asked, args) {
		ts.Fatalf("the gateway was asked\n\t%s\nwant\n\t%s", strings.Join(f.asked, "\n\t"), strings.Join(args, "\n\t"))
	}
	f.asked = nil
}
