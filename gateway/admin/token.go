package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

// lock lets calls through that carry the token, as a bearer's or as the password of any user, which is how a browser asks
// for it. Who only wants to know whether the process lives and serves needs none.
//
// Wrong tokens of one address are answered one after the other, however many connections they come on. A right token is not delayed,
// whatever other addresses try; from an address with maxBehind wrong ones waiting nothing is taken for a moment, since what is
// answered sooner than a wrong token would be known to be right.
type lock struct {
	next    http.Handler
	token   func() (string, error)
	viewer  func() (string, error) // nil: nobody may only look
	guesses *guesses
	audit   audit
}

func newLock(next http.Handler, token, viewer func() (string, error), noted audit) lock {
	return lock{next: next, token: token, viewer: viewer, guesses: newGuesses(), audit: noted}
}

// The tokens by which callers are told apart.
const (
	operatorToken = "operator"
	viewerToken   = "viewer"
)

// shownToken is the key of a call's context that says which token it has shown.
type shownToken struct{}

// mayView reports whether a call may be made that has shown the token of those who may look and change nothing. Profiles are not for
// them: what is in memory is in these.
func mayView(r *http.Request) bool {
	switch {
	case strings.HasPrefix(r.URL.Path, "/debug/"):
		return false
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return true
	}
	return r.Method == http.MethodPost && r.URL.Path == api.Prefix+"/plan"
}

// isViewer reports whether a token is that of a viewer.
func (l lock) isViewer(shown string) bool {
	if l.viewer == nil || shown == "" {
		return false
	}
	viewer, err := l.viewer()
	return err == nil && viewer != "" && sameToken(shown, viewer)
}

// showing is a call that has shown a token.
func showing(r *http.Request, token string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), shownToken{}, token))
}

// errViewer is why a viewer is refused.
var errViewer = errors.New("this is the token in viewer_token_file: it may look, and change nothing")

// view hands on the call of a viewer who only looks. One who would change something is written down like one who does.
func (l lock) view(w http.ResponseWriter, r *http.Request) {
	r = showing(r, viewerToken)
	if mayView(r) {
		l.next.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		l.audit.note(r, http.StatusForbidden, nil, errViewer)
	}
	refuse(w, r, http.StatusForbidden, errViewer.Error())
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
	shown, from := credential(r), caller(r)
	if shown != "" && l.guesses.full(from, time.Now()) {
		refuseMoreGuesses(w, r)
		return
	}
	switch {
	case sameToken(shown, token):
		l.next.ServeHTTP(w, showing(r, operatorToken))
		return
	case l.isViewer(shown):
		l.view(w, r)
		return
	}
	sentence := "a token is demanded: Authorization: Bearer TOKEN, or TOKEN as the password"
	if shown != "" {
		wait, since, taken := l.guesses.add(from, time.Now())
		if !taken { // others came since it was asked
			refuseMoreGuesses(w, r)
			return
		}
		if since > 0 {
			l.audit.logger.Warn("a token was refused", "from", from, "refused", since, "call", r.Method+" "+clip(r.URL.Path))
		}
		delay(r, wait)
		sentence = "this is not the token in token_file"
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="idlegate", charset="UTF-8"`)
	refuse(w, r, http.StatusUnauthorized, sentence)
}

func refuseMoreGuesses(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	refuse(w, r, http.StatusTooManyRequests, "too many wrong tokens came from this address: try again in a moment")
}

func delay(r *http.Request, wait time.Duration) {
	timer := time.NewTimer(wait)
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
