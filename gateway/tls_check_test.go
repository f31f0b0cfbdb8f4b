package gateway_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"

	"idlegate/gateway"
	"idlegate/policy"
)

func TestCheckSaysWhatIsWrongWithCertificatesAtTheirKeys(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server, other := a.issue(t, dir, "server"), a.issue(t, dir, "other")
	for name, test := range map[string]struct {
		upstream, route string
		want            string // of a problem; "": there is none
	}{
		"all is well":                {"tls: {ca: " + a.file + "}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), ""},
		"a route's key is another's": {"tls: {}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, other.key), "routes[0].tls.key: the key in"},
		"one of several is missing": {"tls: {}", fmt.Sprintf("{cert: %s, key: %s, certificates: [{cert: %s/none, key: %s}]}", server.cert, server.key, dir, other.key),
			"routes[0].tls.certificates[0].cert: open"},
		"an upstream's authority is none": {"tls: {ca: " + server.key + "}", fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "upstreams.u.tls.ca: " + server.key + " has no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := policy.Parse("test.yaml", []byte(fmt.Sprintf(`
upstreams: {u: {endpoints: ["127.0.0.1:9"], %s}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}, tls: %s}]`, test.upstream, test.route)))
			if err != nil {
				t.Fatal(err)
			}
			problems, _ := gateway.Check(gateway.CheckConfig{Policy: cfg, Offline: true})
			if got := fmt.Sprint(problems); test.want == "" && len(problems) > 0 || !strings.Contains(got, test.want) {
				t.Errorf("problems are %s, want %q", got, test.want)
			}
		})
	}
}

// TestHealthChecksSpeakTLS has an endpoint that can be verified, and one that answers in clear: only the first is healthy.
func TestHealthChecksSpeakTLS(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	good := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}, echoes)
	plain := backend(t, echoes)
	r := start(t, tlsRoute, good+`", "`+plain, `, tls: {ca: `+a.file+`}, health: {every: 50ms, timeout: 5s, rise: 1, fall: 1, send: {text: "ping"}, expect: {text: "ping"}}`,
		fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {}}")
	eventually(t, "what is healthy is known", func() bool {
		healthy := map[string]bool{}
		for _, e := range r.snapshot().Upstreams[0].Endpoints {
			healthy[e.Address] = e.Healthy
		}
		return healthy[good] && !healthy[plain]
	})
}

// TestAnEditLeavesAnUpstreamItsTLS has edits come that are about something else, and one that takes TLS away.
func TestAnEditLeavesAnUpstreamItsTLS(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, dir)
	server := a.issue(t, dir, "server")
	to := secureBackend(t, &tls.Config{Certificates: []tls.Certificate{server.pair(t)}}, echoes)
	policy := func(key, idle string) string {
		return fmt.Sprintf(tlsRoute, to, key, fmt.Sprintf("{cert: %s, key: %s}", server.cert, server.key), "{long: {idle_timeout: "+idle+"}}")
	}
	spoken := ", retries: 0, tls: {ca: " + a.file + "}"
	r, write := startFile(t, policy(spoken, "1m"))
	before, _ := r.dialTLS("secure", a.trusting(t, nil))
	before.echo("before")
	for _, idle := range []string{"2m", "3m"} {
		write(policy(spoken, idle))
		r.reload()
		c, _ := r.dialTLS("secure", a.trusting(t, nil))
		c.echo("after an edit")
	}
	before.echo("still there")
	write(policy(", retries: 0", "3m"))
	r.reload()
	c, _ := r.dialTLS("secure", a.trusting(t, nil))
	c.send("in clear, as the file has it now")
	if answer, _ := io.ReadAll(c.Conn); strings.Contains(string(answer), "clear") {
		t.Error("TLS is spoken that the file does not have")
	}
}
