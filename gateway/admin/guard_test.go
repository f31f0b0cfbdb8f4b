package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyCallsMeantForThisServerAreLetThrough(t *testing.T) {
	for name, test := range map[string]struct {
		guard  guard
		host   string
		origin []string
		refuse string // "": let through
	}{
		"IPv4 address":                   {host: "127.0.0.1:9180"},
		"IPv4 address without a port":    {host: "127.0.0.1"},
		"IPv4 address of another device": {host: "10.0.0.5:9180"},
		"IPv6 address":                   {host: "[::1]:9180"},
		"IPv6 address without a port":    {host: "[::1]"},
		"IPv6 address with a zone":       {host: "[fe80::1%eth0]:9180"},
		"localhost":                      {host: "localhost:9180"},
		"localhost in capitals":          {host: "LOCALHOST"},
		"localhost on a forwarded port":  {host: "localhost:4711"},
		"the configured host":            {guard: guard{names: []string{"", "gate.internal"}}, host: "Gate.internal:9180"},
		"placeholder on a unix socket":   {guard: guard{unix: true}, host: UnixHost},

		"a name":                              {host: "evil.example:9180", refuse: `host "evil.example:9180"`},
		"a name below the configured host":    {guard: guard{names: []string{"", "gate.internal"}}, host: "x.gate.internal", refuse: "host"},
		"a name that begins like an address":  {host: "127.0.0.1.evil.example", refuse: "host"},
		"a name that ends like localhost":     {host: "evil.localhost.example", refuse: "host"},
		"no host, with no host configured":    {host: "", refuse: `host ""`},
		"only a port, no host configured":     {host: ":9180", refuse: "host"},
		"placeholder on a TCP listener":       {host: UnixHost, refuse: "host"},
		"brackets that nothing follows":       {host: "[", refuse: "host"},
		"a name on a unix socket":             {guard: guard{unix: true}, host: "evil.example", refuse: "host"},
		"own origin":                          {host: "localhost:9180", origin: []string{"http://localhost:9180"}},
		"own origin behind a TLS proxy":       {host: "localhost:9180", origin: []string{"https://LOCALHOST:9180"}},
		"own origin on the default port":      {host: "127.0.0.1", origin: []string{"http://127.0.0.1"}},
		"another origin":                      {host: "localhost:9180", origin: []string{"http://evil.example"}, refuse: `origin "http://evil.example"`},
		"another port of the same host":       {host: "localhost:9180", origin: []string{"http://localhost:8080"}, refuse: "origin"},
		"another name of the same host":       {host: "localhost:9180", origin: []string{"http://127.0.0.1:9180"}, refuse: "origin"},
		"the origin of a sandbox or a file":   {host: "localhost:9180", origin: []string{"null"}, refuse: `origin "null"`},
		"an empty origin":                     {host: "localhost:9180", origin: []string{""}, refuse: "origin"},
		"an origin that is no URL":            {host: "localhost:9180", origin: []string{"http://[::1"}, refuse: "origin"},
		"an origin of another kind":           {host: "localhost:9180", origin: []string{"ftp://localhost:9180"}, refuse: "origin"},
		"own origin, then another":            {host: "localhost", origin: []string{"http://localhost", "http://evil.example"}, refuse: "origin"},
		"own origin, but a host that is not":  {host: "evil.example", origin: []string{"http://evil.example"}, refuse: "host"},
		"an origin that hides the own one":    {host: "localhost", origin: []string{"http://localhost@evil.example"}, refuse: "origin"},
		"an origin that begins like the own":  {host: "localhost", origin: []string{"http://localhost.evil.example"}, refuse: "origin"},
		"a name where the port should be":     {host: "127.0.0.1:evil.example", refuse: `host "127.0.0.1:evil.example"`},
		"a name in the port of localhost":     {host: "localhost:80.evil.example", refuse: "host"},
		"a name in the port of an IPv6":       {host: "[::1]:evil.example", refuse: "host"},
		"a name of the certificate":           {guard: guard{certified: func(host string) bool { return host == "gate.example" }}, host: "gate.example:9180"},
		"a name that the certificate has not": {guard: guard{certified: func(host string) bool { return host == "gate.example" }}, host: "evil.example", refuse: "host"},
		"no host, and an address of any":      {guard: guard{names: []string{""}}, host: "", refuse: "host"},
		"both the address and a forged label": {host: "127.0.0.1:9180:80", refuse: "host"},
	} {
		t.Run(name, func(t *testing.T) {
			test.guard.next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = test.host
			r.Header["Origin"] = test.origin
			w := httptest.NewRecorder()
			test.guard.ServeHTTP(w, r)
			if test.refuse == "" {
				if w.Code != http.StatusNoContent {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				return
			}
			if w.Code != http.StatusForbidden || !strings.HasPrefix(w.Body.String(), test.refuse) {
				t.Errorf("status %d: %s; want 403 with a sentence about %s", w.Code, w.Body, test.refuse)
			}
		})
	}
}

func TestOnlyItsOwnPagesMayCall(t *testing.T) {
	g := guard{next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	for call, want := range map[string]int{
		"POST":               204, // no browser
		"POST same-origin":   204,
		"POST none":          204, // typed by the user
		"POST same-site":     403, // another port of this machine
		"POST cross-site":    403,
		"DELETE cross-site":  403,
		"OPTIONS cross-site": 403,
		"GET":                204,
		"GET same-origin":    204,
		"GET same-site":      403,
		"GET cross-site":     403, // an image, a script, a frame
		"HEAD cross-site":    403,
	} {
		method, site, ok := strings.Cut(call, " ")
		r := httptest.NewRequest(method, "/api/v1/drain", nil)
		r.Host = "localhost"
		if ok {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", call, w.Code, want)
		}
		if want == 403 && !strings.HasPrefix(w.Body.String(), `{"error":"the call is `+site) {
			t.Errorf("%s: %s", call, w.Body)
		}
	}
}

func TestALinkMayLeadToTheStatusPageAlone(t *testing.T) {
	g := guard{next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	for call, want := range map[string]int{
		"GET / navigate document":               204,
		"GET / navigate iframe":                 403,
		"GET / no-cors image":                   403,
		"POST / navigate document":              403,
		"GET /debug/pprof/ navigate document":   403,
		"GET /metrics navigate document":        403,
		"GET /api/v1/routes navigate document":  403,
		"GET /debug/pprof/trace no-cors script": 403,
	} {
		words := strings.Fields(call)
		r := httptest.NewRequest(words[0], words[1], nil)
		r.Host = "localhost"
		for i, header := range []string{"Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
			r.Header.Set(header, words[2+i])
		}
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", call, w.Code, want)
		}
	}
}

func TestTheAPIRefusesInJSON(t *testing.T) {
	g := guard{next: http.NotFoundHandler()}
	for target, want := range map[string]string{
		"/api/v1/status": `{"error":"host \"evil.example\" is not this server's: `,
		"/metrics":       `host "evil.example" is not this server's: `,
	} {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != 403 || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
}
