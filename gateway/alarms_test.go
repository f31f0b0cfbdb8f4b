package gateway_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// alarms are what the gateway says is wrong.
func (r *running) alarms() []api.Alarm {
	r.t.Helper()
	s, err := r.g.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Alarms
}

// alarm waits for the alarm of a kind, and checks that it says all that it has to.
func (r *running) alarm(kind api.AlarmKind) (found api.Alarm) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("there is the alarm %s", kind), func() bool {
		for _, a := range r.alarms() {
			if a.Kind == kind {
				found = a
				return true
			}
		}
		return false
	})
	if found.Text == "" || found.Do == "" || found.Since.IsZero() || found.Since.After(time.Now()) {
		r.t.Errorf("it lacks something: %+v", found)
	}
	return found
}

// calm waits until nothing of these kinds is wrong; of none given, nothing at all.
func (r *running) calm(kinds ...api.AlarmKind) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("nothing is wrong any more of %v", kinds), func() bool {
		all := r.alarms()
		for _, a := range all {
			for _, kind := range kinds {
				if a.Kind == kind {
					return false
				}
			}
		}
		return len(kinds) > 0 || len(all) == 0
	})
}

const alarming = `
gateway: {max_connections: %d, drain_timeout: 1h}
upstreams: {u: {endpoints: ["%s"], retries: 0, eject: {failures: 3, for: 10ms}}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}%s}
`

func TestNothingIsWrongWithAGatewayThatServes(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), "")
	c := r.dial("r")
	c.echo("x")
	if all := r.alarms(); len(all) != 0 {
		t.Errorf("wrong are %+v", all)
	}
}

func TestAFullGatewayIsAnAlarmUntilThereIsRoom(t *testing.T) {
	r := start(t, alarming, 1, backend(t, echoes), "")
	c := r.dial("r")
	c.echo("x")
	first := r.alarm(api.AlarmGatewayFull)
	waits := r.dial("r")
	if again := r.alarm(api.AlarmGatewayFull); !again.Since.Equal(first.Since) || again.Level != api.AlarmError {
		t.Errorf("first %+v, then %+v", first, again)
	}
	for _, one := range []*client{c, waits} {
		one.Close()
	}
	r.calm()
}

func TestAFullRouteAndItsRefusalsAreAlarms(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), ", limits: {connections: 1}")
	c := r.dial("r")
	c.echo("x")
	if a := r.alarm(api.AlarmRouteFull); a.Route != "r" {
		t.Errorf("it is about %q", a.Route)
	}
	r.refused("r")
	if a := r.alarm(api.AlarmRefusals); a.Text != "route r has refused 1 client: over_route_limit 1" || !strings.Contains(a.Do, "limits.connections of the route") {
		t.Errorf("it says %+v", a)
	}
	c.Close()
	r.calm(api.AlarmRouteFull)
	r.alarm(api.AlarmRefusals) // goes on for a minute
}

func TestRefusalsOfAFullGatewayAreNotPutDownToTheRoute(t *testing.T) {
	r := start(t, strings.Replace(alarming, "drain_timeout", "on_full: refuse, drain_timeout", 1), 1, backend(t, echoes), "")
	c := r.dial("r")
	c.echo("x")
	r.refused("r")
	if a := r.alarm(api.AlarmRefusals); !strings.Contains(a.Text, "over_capacity 1") || !strings.Contains(a.Do, "gateway.max_connections") {
		t.Errorf("it says %+v", a)
	}
}

func TestAFailingEndpointIsAnAlarmUntilItIsBack(t *testing.T) {
	at := freeAddress(t)
	r := start(t, alarming, 10, at, "")
	fail := func() {
		c := r.dial("r")
		c.send("x")
		_, _ = c.Read(make([]byte, 1))
	}
	fail()
	if a := r.alarm(api.AlarmEndpointFailing); a.Upstream != "u" || a.Endpoint != at || a.Level != api.AlarmWarning {
		t.Errorf("after one failure: %+v", a)
	}
	r.set(at, api.Setting{State: "down"})
	r.calm(api.AlarmEndpointFailing) // nobody connects to it any more
	r.set(at, api.Setting{State: "auto"})
	r.alarm(api.AlarmEndpointFailing)
	fail()
	fail()
	if a := r.alarm(api.AlarmEndpointEjected); a.Endpoint != at {
		t.Errorf("after three: %+v", a)
	}
	r.alarm(api.AlarmUpstreamOut)
	if all := r.alarms(); all[0].Kind != api.AlarmUpstreamOut {
		t.Errorf("the worst is not first: %+v", all)
	}
	backendAt(t, "tcp", at, echoes)
	eventually(t, "a probe brings it back", func() bool {
		c, err := net.Dial("tcp", r.g.Addresses("r")[0])
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write([]byte("x"))
		_, err = c.Read(make([]byte, 1))
		return err == nil && len(r.alarms()) == 0
	})
}

func TestTheStandingOfThePolicyFileIsAnAlarm(t *testing.T) {
	r, write := startFile(t, fmt.Sprintf(alarming, 10, backend(t, echoes), ""))
	write("routes: wrong")
	if done, err := r.g.Reload(t.Context()); err != nil || done.OK {
		t.Fatalf("%+v, %v", done, err)
	}
	if a := r.alarm(api.AlarmFileRefused); a.Level != api.AlarmError {
		t.Errorf("%+v", a)
	}
	write(fmt.Sprintf(alarming, 10, "127.0.0.1:9", ""))
	r.reload()
	r.calm()
	write(`
gateway: {loops: 3}
upstreams: {u: {endpoints: ["127.0.0.1:9"]}}
routes:
  - {name: r, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}
`)
	r.reload()
	first := r.alarm(api.AlarmPendingRestart)
	if again := r.alarm(api.AlarmPendingRestart); !again.Since.Equal(first.Since) || first.Level != api.AlarmWarning {
		t.Errorf("first %+v, then %+v", first, again)
	}
}

func TestACertificateThatEndsSoonIsAnAlarm(t *testing.T) {
	dir := t.TempDir()
	authority := newAuthority(t, dir) // of an hour
	server := authority.issue(t, dir, "server")
	token := filepath.Join(dir, "token")
	write(t, token, "s3cret")
	r := startAdmin(t, operated("token_file: "+token+", tls: {cert: "+server.cert+", key: "+server.key+"}"))
	if a := r.alarm(api.AlarmCertificateEnds); a.Certificate == "" || a.Level != api.AlarmError {
		t.Errorf("%+v", a)
	}
	write(t, server.key, "half a k")
	r.alarm(api.AlarmCertificateUnread)
}

func TestAGatewayThatDrainsIsAnAlarm(t *testing.T) {
	r := start(t, alarming, 10, backend(t, echoes), "")
	c := r.dial("r")
	c.echo("x")
	r.g.Drain()
	r.alarm(api.AlarmDraining)
	c.Close()
}
