package gateway_test

import (
	"strings"
	"testing"
)

const (
	placesTaken = "every place is taken: accepting pauses"
	roomAgain   = "there is room again: accepting goes on"
)

// TestBeingFullIsToldOfOnce lets clients take each other's places, and expects one line when the first has to wait and one
// when none does any more, and to see the state meanwhile.
func TestBeingFullIsToldOfOnce(t *testing.T) {
	g := start(t, `
gateway: {max_connections: 2}
upstreams: {backend: {endpoints: ["%s"]}}
routes: [{name: r, listen: "127.0.0.1:0", protocol: raw, upstream: backend, policy: {long: {}}}]`, backend(t, echoes))
	if s := g.snapshot(); s.AcceptPaused || s.AcceptPauses != 0 {
		t.Errorf("accepting counts as paused before anybody came: %v, %v", s.AcceptPaused, s.AcceptPauses)
	}
	var clients []*client
	for range 10 {
		c := g.dial("r")
		c.send("1")
		clients = append(clients, c)
	}
	for i, c := range clients {
		c.receive("1")
		if i == len(clients)-1 {
			break
		}
		g.expectFull(true)
		c.finish()
		c.receiveFIN()
	}
	eventually(t, "there is room again", func() bool { return strings.Contains(g.log.String(), roomAgain) })
	g.expectFull(false)
	if n := strings.Count(g.log.String(), placesTaken); n != 1 {
		t.Errorf("the log says %d times that every place is taken, want once:\n%s", n, g.log)
	}
	paused := g.snapshot().AcceptPauses
	if paused <= 0 {
		t.Error("no time is counted for which accepting was paused")
	}
	if later := g.snapshot().AcceptPauses; later != paused {
		t.Errorf("%v after %v though accepting goes on", later, paused)
	}
}

// expectFull compares what metrics and API say about being full.
func (r *running) expectFull(want bool) {
	r.t.Helper()
	status, err := r.g.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if got := r.snapshot().AcceptPaused; got != want || status.AcceptPaused != want {
		r.t.Errorf("paused: metrics say %v and the API %v, want %v", got, status.AcceptPaused, want)
	}
}

// TestPausesForDescriptorsAreCounted makes a gateway run out of descriptors.
func TestPausesForDescriptorsAreCounted(t *testing.T) {
	g := spawn(t, oneRoute+`{long: {}}}`, backend(t, echoes))
	dial(t, g.address).echo(framed("before"))
	if page := g.scrape(); page.count("accept_paused") != 0 {
		t.Error("accepting counts as paused though it is not")
	}
	g.must("hoard 0")
	outside := dial(t, g.address)
	g.logs(noneLeft, 1)
	g.must("release")
	outside.echo(framed("let me in"))
	if seconds := g.scrape().metric("accept_paused_seconds_total").GetCounter().GetValue(); seconds <= 0 {
		t.Error("no time is counted for which accepting was paused")
	}
}
