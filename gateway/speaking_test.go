package gateway_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// speaks is a route of a protocol whose policy is long, with what is in it.
func speaks(protocol, inPolicy, inRoute string) string {
	return `
upstreams: {backend: {endpoints: ["%s"]}}
routes:
  - name: r
    listen: "127.0.0.1:0"
    protocol: ` + protocol + `
    upstream: backend
    policy: {long: {` + inPolicy + `}}
` + inRoute
}

// onlyConnection returns what is known of the one connection there is.
func (r *running) onlyConnection() api.Explanation {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := r.g.List(ctx, api.Filter{}, api.Page{Limit: 2})
	if err != nil || len(all.Connections) != 1 {
		r.t.Fatalf("%d connections, %v; want one", len(all.Connections), err)
	}
	e, err := r.g.Explain(ctx, all.Connections[0].ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// timerOf returns one timer of an explanation.
func timerOf(t *testing.T, e api.Explanation, key string) api.Timer {
	t.Helper()
	for _, timer := range e.Timers {
		if timer.Timer == key {
			return timer
		}
	}
	t.Fatalf("no %s among %+v", key, e.Timers)
	return api.Timer{}
}

// timedOut returns how often a timer has ended a connection of route r.
func (r *running) timedOut(timer string) uint64 {
	r.t.Helper()
	for _, count := range r.route("r").Timeouts {
		if count.Timeout == timer && count.Action == "closed" {
			return count.Count
		}
	}
	return 0
}

func TestAClientThatOnlyHeartbeatsIsEnded(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("heartbeat: answer, heartbeat_only_timeout: 1500ms", ""), backend(t, l.serve))
	c := g.dial("r")
	c.echo("data\n")
	pong := make([]byte, len("pong\n"))
	for beats := 0; ; beats++ {
		_, _ = c.Write([]byte("ping\n"))
		if _, err := io.ReadFull(c, pong); err != nil {
			if beats == 0 {
				t.Error("it was ended before it could say anything")
			}
			break
		}
	}
	if line := g.expectEnd("r", "heartbeat_only"); line.Duration < 1500*time.Millisecond || l.heard() != "data\n" {
		t.Errorf("it ended after %v; the backend heard %q", line.Duration, l.heard())
	}
	if n := g.timedOut("heartbeat_only_timeout"); n != 1 {
		t.Errorf("timeouts_total is %d", n)
	}
}

func TestASilentClientIsAskedWhetherItIsThere(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("probe: {after: 50ms, timeout: 20s}, idle_timeout: 20s", ""), backend(t, l.serve))
	c := g.dial("r")
	for range 3 {
		c.receive("ping\n")
		c.send("po")
		c.send("ng\n")
	}
	c.receive("ping\n") // the third answer has been taken
	r := g.route("r")
	if r.Probes["answered"] != 3 || r.Probe.Count() != 3 || r.Messages != [2]uint64{3, 0} || r.Heartbeats != [2]uint64{3, 0} {
		t.Errorf("%v probes, %d times, %d messages, %d heartbeats", r.Probes, r.Probe.Count(), r.Messages, r.Heartbeats)
	}
	probe := timerOf(t, g.onlyConnection(), "probe.timeout")
	if probe.Standing != "running" || probe.From != "test.yaml:9" || *probe.ValueSeconds != 20 || probe.Since != "the question to the client" {
		t.Errorf("explain says %+v", probe)
	}
	c.send("pong\npong\n") // the second belongs to none
	eventually(t, "an answer that nobody awaits is passed on", func() bool { return l.heard() == "pong\n" })
}

func TestAClientThatDoesNotAnswerIsEnded(t *testing.T) {
	l := &listener{}
	g := start(t, pinged("probe: {after: 100ms, timeout: 150ms}", ""), backend(t, l.serve))
	c := g.dial("r")
	c.receive("ping\n")
	c.receiveFIN()
	if line := g.expectEnd("r", "probe_unanswered"); line.Duration < 250*time.Millisecond {
		t.Errorf("it ended after %v", line.Duration)
	}
	if r := g.route("r"); r.Probes["unanswered"] != 1 || g.timedOut("probe.timeout") != 1 || l.heard() != "" {
		t.Errorf("%v probes, %d timeouts; the backend heard %q", r.Probes, g.timedOut("probe.timeout"), l.heard())
	}
}

// TestWhatAProbeAsksIsEdited asks an open connection in the words of each policy.
func TestWhatAProbeAsksIsEdited(t *testing.T) {
	l := &listener{}
	address := backend(t, l.serve)
	asking := func(text string) string {
		return speaks("{length_field: {size: 1}}", "probe: {after: 50ms, timeout: 20s, "+text+"}", "")
	}
	g := start(t, asking("send: {text: here}, expect: {text: yes}"), address)
	c := g.dial("r")
	c.receive("\x04here")
	c.send("\x03yes")
	edit(t, g, strings.Replace(asking("send: {text: still}, expect: {text: so}"), "%s", address, 1))
	for question := make([]byte, 5); string(question) != "\x05stil"; { // one more of the former may have been under way
		if _, err := io.ReadFull(c, question); err != nil {
			t.Fatal(err)
		}
		if string(question) == "\x04here" {
			c.send("\x03yes")
		}
	}
	c.receive("l")
	c.send("\x02so\x03yes")
	eventually(t, "what answers no question any more is passed on", func() bool { return l.heard() == "\x03yes" })
}

// TestAProbeIsEditedBeforeItsAnswer makes a client answer a question that the policy does not have any more.
func TestAProbeIsEditedBeforeItsAnswer(t *testing.T) {
	const framing = "{length_field: {size: 1}}"
	asking := func(text string) string {
		return speaks(framing, "probe: {after: 50ms, timeout: 20s, "+text+"}", "")
	}
	for name, edited := range map[string]string{
		"other words": asking("send: {text: still}, expect: {text: so}"),
		"none":        speaks(framing, "", ""),
	} {
		t.Run(name, func(t *testing.T) {
			l := &listener{}
			address := backend(t, l.serve)
			g := start(t, asking("send: {text: here}, expect: {text: yes}"), address)
			c := g.dial("r")
			c.receive("\x04here")
			edit(t, g, strings.Replace(edited, "%s", address, 1))
			c.send("\x03y")
			c.send("es")
			if name != "none" {
				c.receive("\x05still")
				c.send("\x02so")
				c.receive("\x05still")
			}
			c.send("\x03yes")
			eventually(t, "only what answers no question is passed on", func() bool { return l.heard() == "\x03yes" })
		})
	}
}

func TestAProbeWaitsForTheEndOfAMessage(t *testing.T) {
	half := make(chan struct{})
	g := start(t, speaks("{length_field: {size: 1}}", "probe: {after: 50ms, timeout: 20s, send: {text: ask}, expect: {text: yes}}", ""), backend(t, func(c *client) {
		_, _ = c.Write([]byte("\x04ha"))
		<-half
		_, _ = c.Write([]byte("lf"))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.receive("\x04ha")
	eventually(t, "the probe is due", func() bool {
		due := timerOf(t, g.onlyConnection(), "probe.after")
		return due.SinceSeconds != nil && *due.SinceSeconds > 0.1
	})
	close(half)
	c.receive("lf\x03ask")
}

func TestANATSClientIsAskedOnceItHasBeenGreeted(t *testing.T) {
	l := &listener{}
	greet := make(chan struct{})
	g := start(t, speaks("nats", "probe: {after: 50ms, timeout: 20s}, reset_on: either", ""), backend(t, func(c *client) {
		<-greet
		_, _ = c.Write([]byte("INFO {}\r\n"))
		_, _ = io.Copy(l, c)
	}))
	c := g.dial("r")
	time.AfterFunc(100*time.Millisecond, func() { close(greet) })
	c.receive("INFO {}\r\nPING\r\n")
	c.send("PONG\r\nPUB a 1\r\nb\r\n")
	eventually(t, "the backend hears what is no answer", func() bool { return l.heard() == "PUB a 1\r\nb\r\n" })
}

// mqttConnect is a CONNECT of MQTT 3.1.1 (level 4) or 5 with a keepalive in seconds.
func mqttConnect(level byte, keepalive uint16) string {
	body := append([]byte("\x00\x04MQTT"), level, 2, byte(keepalive>>8), byte(keepalive))
	if level == 5 {
		body = append(body, 0)
	}
	body = append(body, "\x00\x01c"...)
	return string(append([]byte{0x10, byte(len(body))}, body...))
}

func TestIdleTimeoutFollowsWhatTheTwoEndsAgreeOn(t *testing.T) {
	const ack = "\x20\x02\x00\x00"
	for _, test := range []struct {
		rule, connect, ack, bounds string
		want                       time.Duration
		choice                     string
	}{
		{"one and a half times the client's keepalive", mqttConnect(4, 1), ack, "", 1500 * time.Millisecond, "agreed"},
		{"no less than min", mqttConnect(4, 1), ack, "min: 1700ms", 1700 * time.Millisecond, "min"},
		{"no more than max", mqttConnect(4, 60), ack, "max: 1400ms", 1400 * time.Millisecond, "max"},
		{"the server's keepalive overrides it", mqttConnect(5, 600), "\x20\x06\x00\x00\x03\x13\x00\x01", "", 1500 * time.Millisecond, "agreed"},
		{"otherwise", mqttConnect(4, 0), ack, "otherwise: 1300ms", 1300 * time.Millisecond, "otherwise"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			policy := "idle_timeout: {" + strings.Join([]string{"negotiated: true", test.bounds}, ", ") + "}"
			if test.bounds == "" {
				policy = "idle_timeout: {negotiated: true}"
			}
			g := start(t, speaks("mqtt", policy, ""), backend(t, func(c *client) {
				c.receive(test.connect)
				_, _ = c.Write([]byte(test.ack))
				_, _ = io.Copy(io.Discard, c)
			}))
			c := g.dial("r")
			sent := time.Now()
			c.send(test.connect)
			c.receive(test.ack)
			if idle := timerOf(t, g.onlyConnection(), "idle_timeout"); idle.Negotiated != test.choice || *idle.ValueSeconds != test.want.Seconds() {
				t.Errorf("explain says %+v", idle)
			}
			c.receiveFIN()
			if took := time.Since(sent); took < test.want {
				t.Errorf("it ended after %v, want %v", took, test.want)
			}
			g.expectEnd("r", "idle_timeout")
		})
	}
}

func TestAClientThatWaitsForItsReplyIsNotIdle(t *testing.T) {
	reply := make(chan struct{})
	g := start(t, speaks("resp", "idle_timeout: 1s", ""), backend(t, func(c *client) {
		c.receive("*1\r\n$4\r\nTIME\r\n")
		<-reply
		_, _ = c.Write([]byte("+now\r\n"))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.send("*1\r\n$4\r\nTIME\r\n")
	eventually(t, "idle_timeout would be over", func() bool {
		waits := timerOf(t, g.onlyConnection(), "reply_timeout")
		return waits.SinceSeconds != nil && *waits.SinceSeconds > 1.2
	})
	if idle := timerOf(t, g.onlyConnection(), "idle_timeout"); idle.Waits != "a reply that is owed" || idle.DueSeconds != nil {
		t.Errorf("explain says %+v", idle)
	}
	sent := time.Now()
	close(reply)
	c.receive("+now\r\n")
	c.receiveFIN()
	if took := time.Since(sent); took < time.Second {
		t.Errorf("it ended %v after its reply", took)
	}
	g.expectEnd("r", "idle_timeout")
}

func TestAReplyThatDoesNotComeEndsTheConnection(t *testing.T) {
	g := start(t, speaks("resp", "reply_timeout: 200ms, farewell: protocol", ""), backend(t, func(c *client) { _, _ = io.Copy(io.Discard, c) }))
	c := g.dial("r")
	c.send("PING\r\n")
	c.receiveFIN() // a farewell would be taken for the reply
	if line := g.expectEnd("r", "reply_timeout"); line.Duration < 200*time.Millisecond || g.timedOut("reply_timeout") != 1 {
		t.Errorf("it ended after %v", line.Duration)
	}
}

func TestASubscriberIsUnpairedAndGoesOn(t *testing.T) {
	const subscribe, subscribed = "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
	g := start(t, speaks("resp", "reply_timeout: 1s, idle_timeout: 2s", ""), backend(t, func(c *client) {
		c.receive(subscribe)
		_, _ = c.Write([]byte(subscribed))
		_, _ = io.Copy(io.Discard, c)
	}))
	c := g.dial("r")
	c.send(subscribe)
	c.receive(subscribed)
	if e := g.onlyConnection(); !e.Unpaired || timerOf(t, e, "reply_timeout").Standing != "waiting" {
		t.Errorf("explain says %+v", e)
	}
	c.receiveFIN()
	g.expectEnd("r", "idle_timeout")
}
