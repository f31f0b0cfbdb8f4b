package admin

import (
	"context"
	"errors"
	"fmt"
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
		h := newLock(http.NotFoundHandler(), secret, nil, audit{logger: slog.New(slog.DiscardHandler)})
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
		h := newLock(http.NotFoundHandler(), func() (string, error) { return token, nil }, nil, audit{logger: slog.New(slog.DiscardHandler)})
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
		h := newLock(http.NotFoundHandler(), token, nil, audit{logger: slog.New(slog.DiscardHandler)})
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

// visitFrom is visit from an address.
func visitFrom(t *testing.T, h http.Handler, from, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.Host, r.RemoteAddr = "localhost", from
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestParallelWrongTokensAreSlowedAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newLock(http.NotFoundHandler(), secret, nil, audit{logger: slog.New(slog.DiscardHandler)})
		began := time.Now()
		var mu sync.Mutex
		var all sync.WaitGroup
		after := map[time.Duration]int{} // answers to guesses
		refused := 0                     // taken for no guess
		for i := range 3 * maxBehind {
			all.Go(func() {
				code := visitFrom(t, h, fmt.Sprintf("192.0.2.1:%d", 1000+i), "guess")
				mu.Lock()
				defer mu.Unlock()
				if code == http.StatusTooManyRequests {
					refused++
					return
				}
				after[time.Since(began)]++
			})
		}
		synctest.Wait() // none moves until the clock does
		if code := visitFrom(t, h, "192.0.2.1:1", "s3cret:?"); code != http.StatusTooManyRequests {
			t.Errorf("amid the guesses of its address the right one gets %d, which tells it from a wrong one", code)
		}
		if code := visitFrom(t, h, "192.0.2.2:1", "s3cret:?"); code != 404 || time.Since(began) != 0 {
			t.Errorf("the right one from elsewhere: status %d after %s", code, time.Since(began))
		}
		all.Wait()
		for i := range maxBehind {
			if after[time.Duration(i+1)*penalty] != 1 {
				t.Errorf("answers to guesses came after %v, want one each %v", after, penalty)
				break
			}
		}
		if len(after) != maxBehind || refused != 2*maxBehind {
			t.Errorf("%d guesses were answered and %d refused, want %d and %d", len(after), refused, maxBehind, 2*maxBehind)
		}
		if code := visitFrom(t, h, "192.0.2.1:1", "s3cret:?"); code != 404 {
			t.Errorf("the right one afterwards: status %d", code)
		}
	})
}

func TestWhoGoesAwayBeforeTheAnswerHasGainedNothing(t *testing.T) {
	g, now := newGuesses(), time.Now()
	for range maxBehind {
		g.add("[2001:db8::1]:1", now)
	}
	if !g.full("[2001:db8::2]:1", now) || g.full("[2001:db8:0:1::1]:1", now) {
		t.Error("a network of 64 bits is not one address")
	}
	if g.full("[2001:db8::1]:1", now.Add(penalty)) {
		t.Error("after one answer there is no room for another guess")
	}
}

func TestAddressesThatGuessAreBounded(t *testing.T) {
	g, now := newGuesses(), time.Now()
	for i := range 3 * maxAddresses {
		g.add(fmt.Sprintf("10.0.%d.%d:1", i>>8, i&255), now)
	}
	if len(g.due) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(g.due))
	}
	g.add("192.0.2.1:1", now.Add(time.Hour))
	if len(g.due) > 2 {
		t.Errorf("%d are left when all answers are long past", len(g.due))
	}
}

func TestRefusedTokensLeaveALineASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lockedBuffer)
		h := newLock(http.NotFoundHandler(), secret, nil, audit{logger: slog.New(slog.NewTextHandler(log, nil))})
		for range 11 {
			visitFrom(t, h, "192.0.2.1:1", "guess")
		}
		for _, want := range []string{"a token was refused\" from=192.0.2.1:1 refused=1 ", "refused=5 "} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in\n%s", want, log)
			}
		}
		if n := strings.Count(log.String(), "\n"); n > 3 || strings.Contains(log.String(), "guess\n") {
			t.Errorf("%d lines within 2 s:\n%s", n, log)
		}
	})
}
