package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	penalty      = 200 * time.Millisecond // before a wrong token is answered
	maxPenalties = 16                     // at once; beyond that wrong tokens are answered without delay, for waiting has a price too
)

// lock lets calls through that carry the token, as a bearer's or as the password of any user, which is how a browser asks
// for it. Who only wants to know whether the process lives and serves needs none.
//
// A right token is never delayed, whatever others try, so nobody can lock the operator out. The delay of wrong ones slows
// down a client that tries one after another; against one that tries on many connections only a long token helps.
type lock struct {
	next    http.Handler
	token   func() (string, error)
	waiting chan struct{} // holds one for each wrong token that is waiting for its answer
}

func newLock(next http.Handler, token func() (string, error)) lock {
	return lock{next: next, token: token, waiting: make(chan struct{}, maxPenalties)}
}

// ServeHTTP implements http.Handler.
func (l lock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		l.next.ServeHTTP(w, r)
		return
	}
	token, err := l.token()
	if err == nil && token == "" {
		err = fmt.Errorf("it is empty")
	}
	if err != nil {
		refuse(w, r, http.StatusServiceUnavailable, fmt.Sprintf("the token that calls must carry cannot be read: %v", err))
		return
	}
	shown := credential(r)
	if sameToken(shown, token) {
		l.next.ServeHTTP(w, r)
		return
	}
	sentence := "a token is demanded: Authorization: Bearer TOKEN, or TOKEN as the password"
	if shown != "" {
		l.delay(r)
		sentence = "this is not the token in token_file"
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="idlegate", charset="UTF-8"`)
	refuse(w, r, http.StatusUnauthorized, sentence)
}

func (l lock) delay(r *http.Request) {
	select {
	case l.waiting <- struct{}{}:
		defer func() { <-l.waiting }()
	default:
		return
	}
	timer := time.NewTimer(penalty)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// credential is the token that a call carries, or "".
func credential(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// sameToken takes as long for a token that begins rightly as for any other.
func sameToken(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
