package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idlegate/gateway"
	"idlegate/gateway/admin/api"
	"idlegate/policy"
)

// handSettings are what the gateway says is set by hand.
func (r *running) handSettings() []api.HandSetting {
	r.t.Helper()
	s, err := r.g.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.ByHand
}

// expectHand expects one thing to be set by hand, or none for "".
func (r *running) expectHand(what string) {
	r.t.Helper()
	all := r.handSettings()
	if what == "" && len(all) == 0 {
		return
	}
	if len(all) != 1 || !strings.Contains(all[0].What, what) || all[0].Since.IsZero() || all[0].Undo == "" {
		r.t.Errorf("set by hand are %+v, want %q", all, what)
	}
}

func TestAStoppedRouteTakesNoClientsAndKeepsThoseItHas(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, alarming, 10, at, "")
	c := r.dial("r")
	c.echo("x")
	r.expectHand("")
	if err := r.g.StopRoute("r"); err != nil {
		t.Fatal(err)
	}
	r.expectHand("route r takes no clients")
	r.refused("r")
	if refusals := r.alarm(api.AlarmRefusals); !strings.Contains(refusals.Do, "idlegate route start r") {
		t.Errorf("what is to be done about it is %q", refusals.Do)
	}
	c.echo("still served")
	r.edit(alarming, 20, at, "") // it holds over edits
	r.refused("r")
	r.expectHand("route r takes no clients")
	if err := r.g.StartRoute("r"); err != nil {
		t.Fatal(err)
	}
	r.dial("r").echo("y")
	r.expectHand("")
	if err := r.g.StopRoute("nowhere"); err == nil {
		t.Error("a route is stopped that there is not")
	}
}

func TestADrainedRouteEndsItsConnectionsUnlessItIsUndone(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, alarming, 10, at, "")
	c := r.dial("r")
	c.echo("x")
	if err := r.g.DrainRoute("r"); err != nil {
		t.Fatal(err)
	}
	r.expectHand("route r drains")
	r.refused("r")
	if listed := r.list(api.Filter{State: api.Draining}); len(listed) != 1 {
		t.Errorf("%d connections drain, want 1", len(listed))
	}
	r.edit(alarming, 20, at, "") // no edit takes it back
	if listed := r.list(api.Filter{State: api.Draining}); len(listed) != 1 {
		t.Errorf("after an edit %d connections drain, want 1", len(listed))
	}
	if err := r.g.StartRoute("r"); err != nil {
		t.Fatal(err)
	}
	if listed := r.list(api.Filter{State: api.Draining}); len(listed) != 0 {
		t.Errorf("%d connections drain though it was undone", len(listed))
	}
	r.expectHand("")
	if err := r.g.DrainRoute("r"); err != nil {
		t.Fatal(err)
	}
	c.finish()
	if line := r.endOf(c); line.Reason != "drained" {
		t.Errorf("it ended with %s", line.Reason)
	}
}

// TestARouteThatDrainsByHandIsRemovedOnlyByTheFile removes one that an operator drains from the file and puts it back.
func TestARouteThatDrainsByHandIsRemovedOnlyByTheFile(t *testing.T) {
	const beside = "  - {name: s, listen: \"127.0.0.1:0\", protocol: raw, upstream: u, policy: {long: {}}}\n"
	at := backend(t, echoes)
	r := start(t, alarming+beside, 10, at, "")
	var clients []*client
	for range 3 {
		c := r.dial("r")
		c.echo("x")
		clients = append(clients, c)
	}
	end := func(c *client, want string) {
		t.Helper()
		c.finish()
		if line := r.endOf(c); line.Reason != want {
			t.Errorf("it ended with %s, want %s", line.Reason, want)
		}
	}
	if err := r.g.DrainRoute("r"); err != nil {
		t.Fatal(err)
	}
	end(clients[0], "drained")
	r.edit(strings.Replace(alarming+beside, "{name: r,", "{name: other,", 1), 10, at, "")
	end(clients[1], "route_removed")
	r.edit(alarming+beside, 10, at, "")
	r.expectHand("route r drains")
	end(clients[2], "drained")
}

func TestTheLogLevelIsSetByHandUntilItIsTakenBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	text := func(level string) string {
		return "admin: {listen: \"127.0.0.1:0\"}\n" + fmt.Sprintf("log: {file: %s, level: %s}\n", file, level) + fmt.Sprintf(alarming, 10, backend(t, echoes), "")
	}
	cfg, err := policy.Parse("test.yaml", []byte(text("error")))
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, log: &logLines{}, done: make(chan error, 1)}
	r.run(gateway.Config{Policy: cfg, Version: "test"})
	logged := func() string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	end := func() {
		c := r.dial("r")
		c.echo("x")
		c.finish()
		c.receiveFIN()
	}
	end()
	if err := r.g.LogLevel("info"); err != nil {
		t.Fatal(err)
	}
	r.expectHand("log.level is INFO")
	if call := r.handSettings()[0].Call; call != "DELETE /log" {
		t.Errorf("the call that undoes it is %q", call)
	}
	end()
	eventually(t, "an end is logged", func() bool { return strings.Contains(logged(), "connection ended") })
	if again, err := policy.Parse("test.yaml", []byte(text("error"))); err != nil {
		t.Fatal(err)
	} else if _, err := r.g.Apply(again); err != nil {
		t.Fatal(err)
	}
	r.expectHand("log.level is INFO")
	before := strings.Count(logged(), "connection ended")
	if err := r.g.LogLevel(""); err != nil {
		t.Fatal(err)
	}
	r.expectHand("")
	end()
	r.g.Log().Error("a mark")
	eventually(t, "what came after it is written", func() bool { return strings.Contains(logged(), "a mark") })
	if n := strings.Count(logged(), "connection ended"); n != before {
		t.Errorf("%d ends are logged at the level of the file, want %d", n, before)
	}
}
