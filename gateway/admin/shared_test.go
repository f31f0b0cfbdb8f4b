package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"idlegate/gateway/admin/api"
)

// slowWalks counts what it is asked, and takes a while to answer.
type slowWalks struct {
	bare
	mu    sync.Mutex
	walks int
}

func (w *slowWalks) List(context.Context, api.Filter, api.Page) (api.Connections, error) {
	w.mu.Lock()
	w.walks++
	w.mu.Unlock()
	<-time.After(100 * time.Millisecond)
	return api.Connections{}, nil
}

func (w *slowWalks) CloseID(context.Context, uint64) error { return nil }

// sharing asks the calls of gateway with a Cache-Control header, as a holder of a token.
func sharing(t *testing.T, gateway Operated) func(method, target, control, token string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	calls{gateway: gateway, audit: audit{logger: slog.New(slog.DiscardHandler)}}.register(mux)
	return func(method, target, control, token string) *httptest.ResponseRecorder {
		ctx := context.WithValue(t.Context(), shownToken{}, token)
		r := httptest.NewRequestWithContext(ctx, method, api.Prefix+target, nil)
		r.Header.Set("Cache-Control", control)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
}

func TestCallersWhoTakeAnAnswerOfTheLastSecondShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := new(slowWalks)
		ask := sharing(t, gateway)
		expect := func(what string, walks int) {
			t.Helper()
			if gateway.walks != walks {
				t.Errorf("%s: %d walks, want %d", what, gateway.walks, walks)
			}
		}
		var all sync.WaitGroup
		for _, target := range []string{"/connections?sort=due&limit=5", "/connections?limit=5&sort=due"} {
			all.Go(func() {
				if w := ask("GET", target, "max-age=1", ""); w.Code != http.StatusOK || w.Body.Len() == 0 {
					t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
				}
			})
		}
		all.Wait()
		expect("two at once", 1)
		ask("GET", "/connections?sort=age&limit=5", "max-age=1", "")
		expect("another question", 2)
		for i, control := range []string{"", "no-cache", "max-age=0"} {
			ask("GET", "/connections?sort=due&limit=5", control, "")
			expect("a caller with "+control, 3+i)
		}
		ask("DELETE", "/connections/1", "", "")
		ask("GET", "/connections?sort=due&limit=5", "max-age=1", "")
		expect("after a deed", 6)
		<-time.After(sharedFor)
		ask("GET", "/connections?sort=due&limit=5", "max-age=60", "")
		expect("a second later", 7)
	})
}

func TestWhoMayOnlyLookIsToldSoInASharedAnswer(t *testing.T) {
	ask := sharing(t, bare{})
	operator, viewer := ask("GET", "/status", "max-age=1", operatorToken), ask("GET", "/status", "max-age=1", viewerToken)
	if operator.Body.String() == viewer.Body.String() {
		t.Errorf("both are told %s", viewer.Body)
	}
}

func TestSharedAnswersAreBounded(t *testing.T) {
	s := new(shared)
	for i := range 10 * mostShared {
		if _, first := s.find(fmt.Sprint(i), time.Unix(0, 0)); !first {
			t.Fatalf("question %d is answered already", i)
		}
	}
	if len(s.answers) != mostShared {
		t.Errorf("%d are kept, want %d", len(s.answers), mostShared)
	}
}
