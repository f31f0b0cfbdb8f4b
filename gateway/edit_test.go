package gateway_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
	"idlegate/metrics"
	"idlegate/policy"
)

// edit puts another policy in force.
func (r *running) edit(yaml string, addresses ...any) []policy.Change {
	r.t.Helper()
	changes, err := r.tryEdit(yaml, addresses...)
	if err != nil {
		r.t.Fatal(err)
	}
	return changes
}

func (r *running) tryEdit(yaml string, addresses ...any) ([]policy.Change, error) {
	r.t.Helper()
	return r.tryEditAll("admin: {listen: \"127.0.0.1:0\"}\n" + fmt.Sprintf(yaml, addresses...))
}

// editAll puts another policy in force that says itself where its operator is answered.
func (r *running) editAll(text string) {
	r.t.Helper()
	if _, err := r.tryEditAll(text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) tryEditAll(text string) ([]policy.Change, error) {
	r.t.Helper()
	cfg, err := policy.Parse("test.yaml", []byte(text))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, text)
	}
	return r.g.Apply(cfg)
}

// editable is a policy with one route, whose policy, limits and other keys are to be filled in.
const editable = `
gateway: {edit_grace: %s, drain_timeout: 10s}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {%s}}%s}
`

func TestAnEditedPolicyActsOnOpenConnections(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string // policy
		keys          string // further keys of the route, after
		begin         string // sent before the edit
		reason        string
	}{
		"a shortened idle_timeout ends what is over it":       {"", "idle_timeout: 20ms", "", "", "idle_timeout"},
		"one that is switched on counts from the accept":      {"idle_timeout: none", "idle_timeout: 20ms", "", "", "idle_timeout"},
		"message_timeout counts from the message's begin":     {"message_timeout: none", "message_timeout: 20ms", "", "Head", "message_timeout"},
		"max_lifetime counts from the accept":                 {"", "max_lifetime: 20ms", "", "", "max_lifetime"},
		"first_message_timeout counts from the accept":        {"", "first_message_timeout: 20ms", "", "", "first_message_timeout"},
		"message_size acts on the message after it":           {"", "", ", limits: {message_size: 16B}", "", "message_too_large"},
		"another idle_timeout ends later what is not over it": {"", "idle_timeout: 700ms", "", "", "idle_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			at := backend(t, echoes)
			r := start(t, editable, "none", at, test.before, "")
			c := r.dial("r")
			if test.begin == "" {
				c.echo(framed("first"))
			}
			c.send(test.begin)
			if test.reason == "first_message_timeout" {
				c = r.dial("r")
			}
			eventually(t, "the gateway has heard of it for 30 ms", func() bool {
				for _, listed := range r.list(api.Filter{Client: c.LocalAddr().String()}) {
					return listed.AgeSeconds > 0.03 && (test.begin == "" || listed.ClientBytes == uint64(len(test.begin)))
				}
				return false
			})
			r.edit(editable, "none", at, test.after, test.keys)
			if test.reason == "message_too_large" {
				c.send(framed("larger than that"))
			}
			if line := r.endOf(c); line.Reason != test.reason {
				t.Errorf("it ended with %s, want %s", line.Reason, test.reason)
			}
		})
	}
}

// TestWhatAnEditEndsAtOnceIsSpreadOverItsGrace has a grace so long that none of it is over while the test looks, however slow the
// machine is, and then a short one, in which all end.
func TestWhatAnEditEndsAtOnceIsSpreadOverItsGrace(t *testing.T) {
	const clients, grace = 60, 10_000 * time.Hour
	at := backend(t, echoes)
	r := start(t, editable, "none", at, "", "")
	var all []*client
	for range clients {
		c := r.dial("r")
		c.echo(framed("hello"))
		all = append(all, c)
	}
	eventually(t, "all are silent for 50 ms", func() bool { return len(r.list(api.Filter{Idle: 50 * time.Millisecond})) == clients })
	r.edit(editable, grace, at, "idle_timeout: 50ms", "")
	var due []time.Duration
	for _, c := range r.list(api.Filter{}) {
		if c.NextTimer != "idle_timeout" || c.DueSeconds == nil {
			t.Fatalf("%s ends it next: %+v", c.NextTimer, c)
		}
		due = append(due, time.Duration(*c.DueSeconds*float64(time.Second)))
	}
	if len(due) != clients {
		t.Fatalf("%d connections are open, want %d", len(due), clients)
	}
	if first, last := slices.Min(due), slices.Max(due); first > grace/4 || last < grace*3/4 || last > grace {
		t.Errorf("the first is to end in %v and the last in %v, want them spread over %v", first, last, grace)
	}

	r.edit(editable, "none", at, "", "")
	r.edit(editable, "200ms", at, "idle_timeout: 50ms", "")
	for i, c := range all {
		if line := r.ended("r", i+1); line.Reason != "idle_timeout" {
			t.Errorf("one ended with %s", line.Reason)
		}
		c.receiveFIN()
	}
}

func TestAMessageWithinTheGraceSavesItsConnection(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, editable, "none", at, "", "")
	c := r.dial("r")
	c.echo(framed("hello"))
	eventually(t, "it is silent for 300 ms", func() bool { return len(r.list(api.Filter{Idle: 300 * time.Millisecond})) == 1 })
	r.edit(editable, "1h", at, "idle_timeout: 300ms", "")
	c.echo(framed("still here"))
	if line := r.endOf(c); line.Reason != "idle_timeout" || line.LongestSilence < 300*time.Millisecond || line.ClientMessages != 2 {
		t.Errorf("it did not end for the silence after its second message: %+v", line)
	}
}

const twoRoutes = `
gateway: {drain_timeout: %s}
upstreams:
  u: {endpoints: ["%s"]}
  v: {endpoints: [%s]}
routes:
  - {name: stays, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: v, policy: {long: {}}}
%s
`

const secondRoute = `  - {name: goes, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {}}}`

func TestARemovedRouteDrains(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, twoRoutes, "1h", at, at, secondRoute)
	stays, goes, last := r.dial("stays"), r.dial("goes"), r.dial("goes")
	for _, c := range []*client{stays, goes, last} {
		c.echo(framed("hello"))
	}
	door := r.g.Addresses("stays")
	address := r.g.Addresses("goes")[0]
	changes := r.edit(twoRoutes, "1h", at, at, "")
	if len(changes) == 0 || !strings.Contains(fmt.Sprint(changes), "routes.goes: removed") {
		t.Errorf("the changes are %v", changes)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("the listener of the removed route is still open")
	}
	if now := r.g.Addresses("stays"); now[0] != door[0] {
		t.Errorf("an unchanged listener has moved from %v to %v", door, now)
	}
	goes.echo(framed("still served"))
	if listed := r.list(api.Filter{State: api.Draining}); len(listed) != 2 {
		t.Errorf("%d connections are draining, want 2", len(listed))
	}
	goes.finish()
	if line := r.endOf(goes); line.Reason != "route_removed" {
		t.Errorf("it ended with %s", line.Reason)
	}
	stays.echo(framed("not concerned"))
	r.dial("stays").echo(framed("new"))

	if counted := r.route("goes"); counted.Connections != 1 || counted.Closed["route_removed"] != 1 {
		t.Errorf("while it drains its metrics say %d open, closed %v", counted.Connections, counted.Closed)
	}
	last.finish()
	r.endOf(last)
	eventually(t, "its series have gone with its last connection", func() bool {
		return !slices.ContainsFunc(r.snapshot().Routes, func(m metrics.Route) bool { return m.Name == "goes" })
	})
	r.edit(twoRoutes, "1h", at, at, secondRoute)
	r.dial("goes").echo(framed("back again"))
	if n := r.route("goes").Opened; n != 1 {
		t.Errorf("the route that is back counts %d connections, want those since then", n)
	}
}

func TestDrainTimeoutCutsWhatIsLeftOfARoute(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, twoRoutes, "50ms", at, at, secondRoute)
	c := r.dial("goes")
	c.echo(framed("hello"))
	r.edit(twoRoutes, "50ms", at, at, "")
	if line := r.endOf(c); line.Reason != "shutdown" {
		t.Errorf("it ended with %s, want shutdown", line.Reason)
	}
}

func TestARemovedEndpointDrains(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	both := fmt.Sprintf("%q, %q", a, b)
	r := start(t, twoRoutes, "1h", a, both, "")
	first, second := r.dial("stays"), r.dial("stays")
	first.echo(framed("1"))
	second.echo(framed("2"))
	r.edit(twoRoutes, "1h", a, fmt.Sprintf("%q", a), "")
	draining := r.list(api.Filter{State: api.Draining})
	if len(draining) != 1 || draining[0].Endpoint != b {
		t.Fatalf("draining are %+v, want the one connection to %s", draining, b)
	}
	if n := connectionsTo(r, "v", b); n != 1 {
		t.Errorf("the vanished endpoint has %d connections, want 1", n)
	}
	for range 4 {
		r.dial("stays").echo(framed("new"))
	}
	if n := connectionsTo(r, "v", b); n != 1 {
		t.Errorf("new connections go to the vanished endpoint: it has %d", n)
	}
	for _, c := range []*client{first, second} {
		if c.LocalAddr().String() == draining[0].Client {
			c.finish()
			if line := r.endOf(c); line.Reason != "drained" {
				t.Errorf("it ended with %s, want drained", line.Reason)
			}
		}
	}
	eventually(t, "the series of the vanished endpoint are gone", func() bool { return connectionsTo(r, "v", b) < 0 })
}

// connectionsTo returns how many connections an endpoint has, -1 if there are no figures of it.
func connectionsTo(r *running, upstream, endpoint string) int64 {
	r.t.Helper()
	for _, u := range r.snapshot().Upstreams {
		for _, e := range u.Endpoints {
			if u.Name == upstream && e.Address == endpoint {
				return e.Connections
			}
		}
	}
	return -1
}

func TestAnEndpointIsDrainedAndComesBack(t *testing.T) {
	a, b := backend(t, echoes), backend(t, echoes)
	both := fmt.Sprintf("%q, %q", a, b)
	r := start(t, twoRoutes, "1h", a, both, "")
	r.dial("stays").echo(framed("1"))
	r.dial("stays").echo(framed("2"))
	if err := r.g.DrainEndpoint("v", b); err != nil {
		t.Fatal(err)
	}
	if n := len(r.list(api.Filter{State: api.Draining})); n != 1 {
		t.Errorf("%d connections are draining, want 1", n)
	}
	r.dial("stays").echo(framed("3"))
	r.dial("stays").echo(framed("4"))
	if n := connectionsTo(r, "v", b); n != 1 {
		t.Errorf("a drained endpoint has got connections: it has %d", n)
	}
	r.edit(twoRoutes, "1h", a, both, secondRoute) // an edit does not undo it
	if n := len(r.list(api.Filter{State: api.Draining})); n != 1 {
		t.Errorf("after an edit %d connections are draining, want 1", n)
	}
	if err := r.g.UndrainEndpoint("v", b); err != nil {
		t.Fatal(err)
	}
	if n := len(r.list(api.Filter{State: api.Draining})); n != 0 {
		t.Errorf("%d connections are still draining", n)
	}
	r.dial("stays").echo(framed("5"))
	if n := connectionsTo(r, "v", b); n != 2 {
		t.Errorf("it has %d connections, want 2", n)
	}
	for _, wrong := range [][2]string{{"v", "127.0.0.1:1"}, {"w", b}} {
		if err := r.g.DrainEndpoint(wrong[0], wrong[1]); err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("draining %v: %v", wrong, err)
		}
	}
}

func TestAnEditThatCannotBeLeavesAllAsItWas(t *testing.T) {
	at, taken := backend(t, echoes), backend(t, echoes)
	r := start(t, twoRoutes, "1h", at, at, secondRoute)
	c := r.dial("goes")
	c.echo(framed("hello"))
	before := descriptors(t)
	_, err := r.tryEdit(twoRoutes, "1h", at, at, `  - {name: new, listen: ["127.0.0.1:0", "`+taken+`"], protocol: raw, upstream: u, policy: {long: {}}}`)
	if err == nil || !strings.Contains(err.Error(), taken+": address already in use") {
		t.Errorf("the error is %v", err)
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors are open, %d were before", now, before)
	}
	c.echo(framed("still served"))
	r.dial("goes").echo(framed("new"))
	if s := r.snapshot(); s.Config.Generation != 1 || len(s.Routes) != 2 {
		t.Errorf("generation %d with %d routes is in force", s.Config.Generation, len(s.Routes))
	}
}

func TestAnEditOfProtocolAndAccessActsOnNewConnections(t *testing.T) {
	at := backend(t, echoes)
	const yaml = `
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: %s, upstream: u, policy: {long: {idle_timeout: 1h}}%s}
`
	r := start(t, yaml, at, framing, "")
	old := r.dial("r")
	old.echo(framed("one"))
	r.edit(yaml, at, "delimiter", "")
	old.echo(framed("\n\n\n"))
	fresh := r.dial("r")
	fresh.echo("a\nb\nc\n")
	for _, c := range r.list(api.Filter{}) {
		want := uint64(3)
		if c.Client == old.LocalAddr().String() {
			want = 2
		}
		if c.ClientMessages != want {
			t.Errorf("connection %d has %d messages, want %d", c.ID, c.ClientMessages, want)
		}
	}
	r.edit(yaml, at, "delimiter", `, deny: ["127.0.0.0/8"]`)
	old.echo(framed("still there"))
	r.refused("r")
	r.edit(yaml, at, "delimiter", `, limits: {connections: 2}`)
	r.refused("r")
	old.reset()
	r.endOf(old)
	r.dial("r").echo("there is room\n")
}

func TestAnEditChangesWhatAllRoutesShare(t *testing.T) {
	at := backend(t, echoes)
	const yaml = `
gateway: {max_connections: %d, on_full: %s, buffer_memory: %s}
upstreams: {u: {endpoints: ["%s"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {long: {}}}
`
	r := start(t, yaml, 1, "wait", "64MiB", at)
	r.dial("r").echo(framed("one"))
	waits := r.dial("r")
	waits.send(framed("I wait"))
	r.edit(yaml, 2, "wait", "64MiB", at)
	waits.receive(framed("I wait"))
	r.edit(yaml, 2, "refuse", "64MiB", at)
	r.refused("r")
	if s := r.snapshot(); s.ConnectionsMax != 2 || s.Config.Generation != 3 {
		t.Errorf("at most %d connections in generation %d", s.ConnectionsMax, s.Config.Generation)
	}
}
