package admin

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	sharedFor  = time.Second // counted from when the gateway was asked
	mostShared = 16          // answers kept, each of at most api.MaxLimit connections
)

// shared gives one answer to all who ask the same within a second and have said that such an answer will do. Each answer costs the event
// loops a walk over their connections, and status pages ask all the time.
type shared struct {
	mu      sync.Mutex
	answers map[string]*sharedAnswer
}

// sharedAnswer has its answer when done is closed.
type sharedAnswer struct {
	asked  time.Time
	done   chan struct{}
	status int
	text   []byte
}

// mayShare reports whether the caller takes an answer of the last second: Cache-Control: max-age of 1 s or more.
func mayShare(r *http.Request) bool {
	for directive := range strings.SplitSeq(r.Header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		seconds, err := strconv.Atoi(value)
		if strings.EqualFold(name, "max-age") && err == nil && seconds >= 1 {
			return true
		}
	}
	return false
}

// sharedKey tells questions apart, also by the token that was shown: an answer may depend on it.
func sharedKey(r *http.Request) string {
	token, _ := r.Context().Value(shownToken{}).(string)
	return token + " " + r.URL.Path + "?" + r.URL.Query().Encode()
}

// get is the answer to r: one that is there or under way, or what ask says. It is false where the caller has gone.
func (s *shared) get(r *http.Request, ask func() (status int, text []byte)) (status int, text []byte, ok bool) {
	key := sharedKey(r)
	one, first := s.find(key, time.Now())
	if first {
		s.give(key, one, ask)
	}
	select {
	case <-one.done:
		return one.status, one.text, true
	case <-r.Context().Done():
		return 0, nil, false
	}
}

// give has ask answer. If ask panics, those who wait get what one has so far.
func (s *shared) give(key string, one *sharedAnswer, ask func() (int, []byte)) {
	defer close(one.done)
	one.status, one.text = encode(failure(refusal{http.StatusInternalServerError, "the answer failed; the log says why"}))
	one.status, one.text = ask()
	if one.status != http.StatusOK {
		s.forget(key, one)
	}
}

// find returns the answer to share; first says that the caller must give it. Where too many are kept, it is kept for nobody else.
func (s *shared) find(key string, now time.Time) (one *sharedAnswer, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, kept := range s.answers {
		if now.Sub(kept.asked) >= sharedFor {
			delete(s.answers, k)
		}
	}
	if one = s.answers[key]; one != nil {
		return one, false
	}
	one = &sharedAnswer{asked: now, done: make(chan struct{})}
	if len(s.answers) < mostShared {
		if s.answers == nil {
			s.answers = make(map[string]*sharedAnswer)
		}
		s.answers[key] = one
	}
	return one, true
}

func (s *shared) forget(key string, one *sharedAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers[key] == one {
		delete(s.answers, key)
	}
}

// clear gives up all answers that are kept, since something was changed: who asks from now on gets a new one.
func (s *shared) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.answers)
}
