package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// advice is what is advised on a timer of a route.
func (r *running) advice(route, timer string) api.Advice {
	r.t.Helper()
	all, err := r.g.Advise(r.t.Context(), api.AdviceQuery{Route: route, Timer: timer})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(all.Advices) != 1 || all.Advices[0].Route != route || all.Advices[0].Timer != timer {
		r.t.Fatalf("asked for %s of %s: %+v", timer, route, all)
	}
	return all.Advices[0]
}

// cuts is what a candidate would have cut.
func cuts(a api.Advice, candidate time.Duration) (spoke, dead uint64) {
	for _, c := range a.Candidates {
		if c.TimeoutSeconds == candidate.Seconds() {
			return c.CutSpoke, c.CutDead
		}
	}
	return 99, 99
}

const advisedRoutes = `
%[2]s
policies:
  shared: {long: {}}
upstreams: {u: {endpoints: ["%[1]s"]}}
routes:
  - {name: framed, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: shared}
  - {name: raw, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: shared}
  - {name: short, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: {short: {deadline: 1m, message_timeout: 20s}}}
`

func TestAdviceIsOnEachTimerThatARouteHas(t *testing.T) {
	r := start(t, advisedRoutes, backend(t, echoes), "")
	all, err := r.g.Advise(t.Context(), api.AdviceQuery{})
	must(t, err)
	var got []string
	for _, a := range all.Advices {
		value := "off"
		if a.InForceSeconds != nil {
			value = (time.Duration(*a.InForceSeconds) * time.Second).String()
		}
		got = append(got, a.Route+" "+a.Timer+" "+value)
		if a.Certainty != "none" || a.Enough {
			t.Errorf("nothing was seen yet: %+v", a)
		}
	}
	want := []string{
		"framed idle_timeout 1m0s", "framed first_message_timeout off", "framed message_timeout 10s", "framed max_lifetime off",
		"raw idle_timeout 1m0s", "raw first_message_timeout off", "raw max_lifetime off",
		"short idle_timeout off", "short first_message_timeout off", "short message_timeout 20s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("advice on\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAdviceRestsOnWhatClientsDid has one client that is late with its first message, one that takes long over a message, and one that
// says nothing.
func TestAdviceRestsOnWhatClientsDid(t *testing.T) {
	r := start(t, advisedRoutes, backend(t, echoes), "")
	late, slow, silent := r.dial("framed"), r.dial("framed"), r.dial("framed")
	slow.echo(framed("at once"))
	text := framed("in two parts")
	slow.send(text[:5])
	<-time.After(1100 * time.Millisecond)
	late.echo(framed("late"))
	slow.send(text[5:])
	slow.receive(text)
	if a := r.advice("framed", "first_message_timeout"); a.Connections != 3 {
		t.Errorf("%d connections, want 3", a.Connections)
	} else if spoke, dead := cuts(a, time.Second); spoke != 1 || dead != 1 {
		t.Errorf("first_message_timeout 1s would have cut %d that spoke and %d that did not", spoke, dead)
	}
	if a := r.advice("framed", "message_timeout"); a.Connections != 3 {
		t.Errorf("%d messages, want 3", a.Connections)
	} else if spoke, dead := cuts(a, time.Second); spoke != 1 || dead != 0 {
		t.Errorf("message_timeout 1s would have cut %d that were finished and %d that were not", spoke, dead)
	}
	slow.send(text[:5])
	eventually(t, "a message under way is one more", func() bool { return r.advice("framed", "message_timeout").Connections == 4 })
	for _, c := range []*client{late, slow, silent} {
		c.reset()
		r.endOf(c)
	}
	if spoke, dead := cuts(r.advice("framed", "first_message_timeout"), time.Second); spoke != 1 || dead != 1 {
		t.Errorf("when all have ended first_message_timeout 1s would have cut %d that spoke and %d that did not", spoke, dead)
	}
	if a := r.advice("framed", "message_timeout"); a.Connections != 4 {
		t.Errorf("%d messages, want 4, of which one was cut off", a.Connections)
	}
	if a := r.advice("framed", "max_lifetime"); a.Connections != 3 {
		t.Errorf("%d lifetimes, want 3", a.Connections)
	}
}
