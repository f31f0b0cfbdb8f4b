package gateway_test

import (
	"context"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"testing"

	"idlegate/gateway/admin/api"
	"idlegate/metrics"
	"idlegate/policy"
)

// pinged is a route whose clients say ping, with what is in its policy and in the route besides.
func pinged(inPolicy, inRoute string) string {
	return `
upstreams: {backend: {endpoints: ["%s"]}}
routes:
  - name: r
    listen: "127.0.0.1:0"
    protocol: {delimiter: {text: "\n"}, heartbeat: {match: {text: "ping"}, answer: {text: "pong"}}}
    upstream: backend
    policy: {long: {` + inPolicy + `}}
` + inRoute
}

// listener is a backend that keeps what it is sent, and answers each line with itself.
type listener struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *listener) serve(c *client) {
	_, _ = io.Copy(io.MultiWriter(l, struct{ io.Writer }{c.Conn}), struct{ io.Reader }{c.Conn})
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *listener) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestABackendSeesNoHeartbeatThatTheGatewayAnswers(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("heartbeat: answer", ""), backend(t, l.serve))
	c := g.dial("r")
	for _, part := range []string{"ping\n", "pi", "ng\n"} {
		c.send(part)
	}
	c.receive("pong\npong\n")
	c.echo("data\n")
	c.send("ping\nmore\n")
	got := make([]byte, len("pong\nmore\n"))
	if _, err := io.ReadFull(c, got); err != nil || !strings.Contains(string(got), "pong\n") {
		t.Errorf("%q, %v", got, err)
	}
	if heard := l.heard(); heard != "data\nmore\n" {
		t.Errorf("the backend heard %q", heard)
	}
	r := g.route("r")
	if r.Messages != [2]uint64{metrics.FromClient: 5, metrics.FromUpstream: 2} || r.Heartbeats != [2]uint64{metrics.FromClient: 3} {
		t.Errorf("counted %d messages and %d heartbeats", r.Messages, r.Heartbeats)
	}
	c.Close()
	if line := g.expectEnd("r", "client_fin"); line.ClientMessages != 5 || line.ClientHeartbeats != 3 {
		t.Errorf("the log says %+v", line)
	}
}

func TestAnAnsweredHeartbeatMakesNoUpstreamConnection(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("heartbeat: answer", "    connect_on: first_message\n"), backend(t, l.serve))
	c := g.dial("r")
	for range 3 {
		c.send("ping\n")
		c.receive("pong\n")
	}
	if n := g.snapshot().Upstreams[0].Endpoints[0].Connects["ok"]; n != 0 {
		t.Fatalf("%d connections were made", n)
	}
	c.send("ping\ndata\nping\n")
	c.receive("pong\npong\ndata\n")
	if heard := l.heard(); heard != "data\n" {
		t.Errorf("the backend heard %q", heard)
	}
}

// TestWhoAnswersIsEdited makes connections that are open follow the policy in both directions.
func TestWhoAnswersIsEdited(t *testing.T) {
	l := &listener{}
	address := backend(t, l.serve)
	g := start(t, pinged("heartbeat: forward", ""), address)
	c := g.dial("r")
	for _, step := range []struct{ policy, answer, heard string }{
		{"heartbeat: forward", "ping\n", "ping\n"},
		{"heartbeat: answer", "pong\n", "ping\n"},
		{"", "ping\n", "ping\nping\n"},
	} {
		edit(t, g, strings.Replace(pinged(step.policy, ""), "%s", address, 1))
		c.send("ping\n")
		c.receive(step.answer)
		if heard := l.heard(); heard != step.heard {
			t.Errorf("with %q the backend heard %q, want %q", step.policy, heard, step.heard)
		}
	}
}

func edit(t *testing.T, g *running, text string) {
	t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte("admin: {listen: \"127.0.0.1:0\"}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.g.Apply(cfg); err != nil {
		t.Fatal(err)
	}
}

// mayBeAbsent are the members of the log line of an ended connection that not every one has.
type mayBeAbsent struct {
	Error            string `json:"error"`
	ClientHeartbeats uint64 `json:"client_heartbeats"`
	Rule             string `json:"rule"`
	From             string `json:"from"`
	Offset           uint64 `json:"offset"`
	Bytes            string `json:"bytes"`
	ServerName       string `json:"server_name"`
	Proxy            string `json:"proxy"`
	Certificate      string `json:"client_certificate"`
}

// TestAProtocolErrorSaysWhichRuleWhere makes a client break its framing behind a whole message.
func TestAProtocolErrorSaysWhichRuleWhere(t *testing.T) {
	g := start(t, `
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: `+framing+`, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	c := g.dial("r")
	c.echo(framed("sound"))
	c.send("Hearts and minds")
	line := g.expectEnd("r", "protocol_error")
	if line.Rule != "the message does not begin with the magic of length_field" || line.From != "client" || line.Offset != 16 {
		t.Errorf("the log says %+v", line)
	}
	if heard, err := hex.DecodeString(line.Bytes); err != nil || string(heard) != "Hearts and minds" {
		t.Errorf("the log has the bytes %q, %v", heard, err)
	}
	ended, err := g.g.Endings(context.Background(), api.EndedQuery{Route: "r", Limit: 1})
	if err != nil || len(ended.Ended) != 1 {
		t.Fatalf("%+v, %v", ended, err)
	}
	if e := ended.Ended[0].ProtocolError; e == nil || e.Rule != line.Rule || e.From != line.From || e.Offset != line.Offset || e.Bytes != line.Bytes {
		t.Errorf("the API says %+v, the log %+v", e, line)
	}
}
