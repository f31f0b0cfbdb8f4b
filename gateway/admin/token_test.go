package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// locked is the operator's listener without its socket, where the token is "s3cret:?".
func locked(t *testing.T, token func() (string, error)) http.Handler {
	t.Helper()
	c := Config{
		Listener: listen(t, "tcp", "127.0.0.1:0"), Gateway: &fakeGateway{}, Operated: fakeFleet(), Token: token, Pprof: true,
		Logger: slog.New(slog.DiscardHandler),
	}
	s := New(c)
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s.endpoints[0].http.Handler
}

func secret() (string, error) { return "s3cret:?", nil }

func visit(t *testing.T, h http.Handler, target string, authorization ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
	r.Host = "localhost"
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestATokenOpensEveryPage(t *testing.T) {
	h := locked(t, secret)
	for _, target := range []string{"/", "/metrics", "/api/v1/status", "/api/v1/no_such", "/debug/pprof/", "/no_such"} {
		w := visit(t, h, target)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != `Basic realm="idlegate", charset="UTF-8"` {
			t.Errorf("%s without a token: status %d, WWW-Authenticate %q", target, w.Code, w.Header().Get("WWW-Authenticate"))
		}
		if strings.HasPrefix(target, "/api/") != strings.HasPrefix(w.Body.String(), `{"error":"a token is demanded`) {
			t.Errorf("%s without a token: %s", target, w.Body)
		}
		if w := visit(t, h, target, "Bearer s3cret:?"); w.Code == http.StatusUnauthorized {
			t.Errorf("%s with a token: status %d", target, w.Code)
		}
	}
	for _, target := range []string{"/healthz", "/readyz"} {
		if w := visit(t, h, target); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", target, w.Code)
		}
	}
}

func TestATokenIsABearersOrAPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newLock(http.NotFoundHandler(), secret)
		for name, test := range map[string]struct {
			header []string
			status int
		}{
			"bearer":                  {[]string{"Bearer s3cret:?"}, 404},
			"bearer in small letters": {[]string{"bearer  s3cret:? "}, 404},
			"password of anybody":     {[]string{basic("operator", "s3cret:?")}, 404},
			"password of nobody":      {[]string{basic("", "s3cret:?")}, 404},
			"a user's name":           {[]string{basic("s3cret:?", "")}, 401},
			"another token":           {[]string{"Bearer s3cret:!"}, 401},
			"part of the token":       {[]string{"Bearer s3cret"}, 401},
			"more than the token":     {[]string{"Bearer s3cret:??"}, 401},
			"nothing":                 {nil, 401},
			"no scheme":               {[]string{"s3cret:?"}, 401},
			"another scheme":          {[]string{"Digest s3cret:?"}, 401},
			"a scheme alone":          {[]string{"Bearer"}, 401},
			"no base64":               {[]string{"Basic s3cret:?"}, 401},
			"only the second is it":   {[]string{"Bearer x", "Bearer s3cret:?"}, 401},
		} {
			if w := visit(t, h, "/", test.header...); w.Code != test.status {
				t.Errorf("%s: status %d, want %d", name, w.Code, test.status)
			}
		}
	})
}

func TestARotatedTokenIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := "old"
		h := newLock(http.NotFoundHandler(), func() (string, error) { return token, nil })
		if w := visit(t, h, "/", "Bearer old"); w.Code != 404 {
			t.Errorf("the old one: status %d", w.Code)
		}
		token = "new"
		for shown, want := range map[string]int{"old": 401, "new": 404} {
			if w := visit(t, h, "/", "Bearer "+shown); w.Code != want {
				t.Errorf("the %s one after the change: status %d, want %d", shown, w.Code, want)
			}
		}
	})
}

func TestATokenThatCannotBeReadOpensNothing(t *testing.T) {
	for name, token := range map[string]func() (string, error){
		"open /etc/idlegate/token: no such file": func() (string, error) { return "", errors.New("open /etc/idlegate/token: no such file") },
		"it is empty":                            func() (string, error) { return "", nil },
	} {
		h := newLock(http.NotFoundHandler(), token)
		for _, authorization := range []string{"", "Bearer ", basic("operator", "")} {
			w := visit(t, h, "/api/v1/status", authorization)
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "cannot be read: "+name) {
				t.Errorf("%q: status %d: %s", authorization, w.Code, w.Body)
			}
		}
		if w := visit(t, h, "/healthz"); w.Code != 404 {
			t.Errorf("/healthz: status %d", w.Code)
		}
	}
}

func TestWrongTokensWaitAndTheRightOneDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newLock(http.NotFoundHandler(), secret)
		began := time.Now()
		var waited, atOnce int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 3 * maxPenalties {
			all.Go(func() {
				visit(t, h, "/", "Bearer guess")
				mu.Lock()
				defer mu.Unlock()
				if time.Since(began) == penalty {
					waited++
				} else if time.Since(began) == 0 {
					atOnce++
				}
			})
		}
		synctest.Wait() // none moves until the clock does
		if w := visit(t, h, "/", "Bearer s3cret:?"); w.Code != 404 || time.Since(began) != 0 {
			t.Errorf("the right one: status %d after %s", w.Code, time.Since(began))
		}
		if w := visit(t, h, "/"); w.Code != 401 || time.Since(began) != 0 {
			t.Errorf("none: status %d after %s", w.Code, time.Since(began))
		}
		all.Wait()
		if waited != maxPenalties || atOnce != 2*maxPenalties {
			t.Errorf("%d have waited, %d were answered at once; want %d and %d", waited, atOnce, maxPenalties, 2*maxPenalties)
		}
		if w := visit(t, h, "/", "Bearer guess"); w.Code != 401 || time.Since(began) != 2*penalty {
			t.Errorf("a later one: status %d after %s", w.Code, time.Since(began))
		}
	})
}
