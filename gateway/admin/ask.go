package admin

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"idlegate/policy/units"
)

// ask is one call with its parameters. Those that are wrong are read as if they were not there, and err keeps the first.
type ask struct {
	*http.Request
	query url.Values
	err   error
}

// newAsk reads the parameters of a call that takes those in known, each once at most and none of them empty: a script
// whose variable is not set must not end the connections of all routes where it meant one.
func newAsk(r *http.Request, known []string, body bool) (*ask, error) {
	if r.ContentLength != 0 && !body {
		return nil, wrong("calls take no body: parameters go into the address, after a ?")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, wrong("the parameters cannot be read: %v", err)
	}
	for key, values := range query {
		switch {
		case !slices.Contains(known, key) && len(known) == 0:
			return nil, wrong("unknown parameter %s: this call takes none", quote(key))
		case !slices.Contains(known, key):
			return nil, wrong("unknown parameter %s: this call takes %s", quote(key), strings.Join(known, ", "))
		case len(values) > 1:
			return nil, wrong("%s is given %d times; it takes one value", key, len(values))
		case values[0] == "":
			return nil, wrong("%s is empty; leave it out if it does not matter", key)
		}
	}
	return &ask{Request: r, query: query}, nil
}

// id is the connection that the path names.
func (a *ask) id() (uint64, error) {
	text := a.PathValue("id")
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, wrong("%s is no id of a connection: ids are whole numbers, as in the log", quote(text))
	}
	return id, nil
}

// text is "" where key is not given, like the other readings their zero.
func (a *ask) text(key string) string { return a.query.Get(key) }

func (a *ask) oneOf(key string, known []string) string {
	text := a.text(key)
	if text != "" && !slices.Contains(known, text) {
		a.wrong("%s is %s; it must be one of %s", key, quote(text), strings.Join(known, ", "))
		return ""
	}
	return text
}

func (a *ask) number(key string, least, most, otherwise int) int {
	text := a.text(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		a.wrong("%s is %s; it must be a whole number from %d to %d", key, quote(text), least, most)
		return otherwise
	}
	return n
}

func (a *ask) share(key string, otherwise float64) float64 {
	text := a.text(key)
	if text == "" {
		return otherwise
	}
	share, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(share) || share < 0 || share > 1 {
		a.wrong("%s is %s; it must be a share from 0 to 1, as in 0.001", key, quote(text))
		return otherwise
	}
	return share
}

func (a *ask) duration(key string) time.Duration {
	text := a.text(key)
	if text == "" {
		return 0
	}
	d, err := parseDuration(text)
	if err != nil {
		a.wrong("%s is %s; %v", key, quote(text), err)
	}
	return d
}

func (a *ask) wrong(format string, args ...any) {
	if a.err == nil {
		a.err = wrong(format, args...)
	}
}

// parseDuration reads a duration above zero as the policy file has it.
func parseDuration(s string) (time.Duration, error) {
	d, err := units.ParseDuration(s)
	switch {
	case err != nil:
		return 0, errors.New("it must be a duration of whole d, h, m, s and ms, as in 10s, 1m30s or 7d, and at most 3650d")
	case d == 0:
		return 0, errors.New("it must be more than 0")
	}
	return d, nil
}

// maxEcho bounds what an answer repeats of what it was asked, in bytes.
const maxEcho = 60

func quote(s string) string { return strconv.Quote(clip(s)) }

func clip(s string) string {
	if len(s) <= maxEcho {
		return s
	}
	return strings.ToValidUTF8(s[:maxEcho], "") + "…"
}
