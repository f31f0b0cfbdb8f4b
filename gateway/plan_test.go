package gateway_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idlegate/gateway/admin/api"
)

// plannable is a policy of four routes, two upstreams and connections of several habits.
const plannable = `
gateway: {edit_grace: 50ms, drain_timeout: 100ms}
policies:
  devices: {long: {%s, message_timeout: none}}
upstreams:
  u: {endpoints: ["%s"]}
  v: {endpoints: [%s]}
routes:
  - {name: framed, listen: "127.0.0.1:0", protocol: ` + framing + `, upstream: u, policy: devices}
  - {name: plain, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: devices}
  - {name: two, listen: "127.0.0.1:0", protocol: raw, upstream: v, policy: {long: {idle_timeout: 3h}}}
%s
`

const goingRoute = `  - {name: goes, listen: "127.0.0.1:0", protocol: raw, upstream: u, policy: {long: {}}}`

// ends are how many connections of each route have ended, by reason.
func (r *running) ends() map[string]map[string]int {
	all := map[string]map[string]int{}
	for _, line := range r.log.ended() {
		if all[line.Route] == nil {
			all[line.Route] = map[string]int{}
		}
		all[line.Route][line.Reason]++
	}
	return all
}

// A plan names the connections that the edit then ends: of those that are silent, that trickle a message, that keep speaking, that are on an
// endpoint or a route which the edit removes.
func TestThePlanOfAnEditIsWhatItThenEnds(t *testing.T) {
	at, stays, goes := backend(t, echoes), backend(t, echoes), backend(t, echoes)
	both := fmt.Sprintf("%q, %q", stays, goes)
	r, write := startFile(t, fmt.Sprintf(plannable, "idle_timeout: 2h", at, both, goingRoute))
	for range 40 {
		r.dial("framed").echo(framed("hello"))
		r.dial("plain").echo("x")
	}
	for range 20 { // trickles: bytes keep coming, and no message
		c := r.dial("framed")
		c.echo(framed("hello"))
		c.send("Head")
	}
	for range 30 {
		r.dial("two").echo("x")
		r.dial("goes").echo("x")
	}
	eventually(t, "all are silent for 300 ms", func() bool { return len(r.list(api.Filter{Idle: 300 * time.Millisecond})) == 160 })
	var lively []*client
	for range 15 {
		lively = append(lively, r.dial("framed"))
	}
	for _, c := range lively {
		c.echo(framed("late"))
	}
	edited := fmt.Sprintf(plannable, "idle_timeout: 50m, max_lifetime: 300ms", at, fmt.Sprintf("%q", stays), "")
	write(edited)
	before := r.list(api.Filter{})

	plan, err := r.g.Plan(t.Context(), nil)
	if err != nil || !plan.OK {
		t.Fatalf("%+v, %v", plan, err)
	}
	if after := r.list(api.Filter{}); len(after) != len(before) || len(r.log.ended()) != 0 {
		t.Fatalf("a plan ended %d connections", len(before)-len(after))
	}
	planned := map[string]map[string]int{}
	total := 0
	for _, route := range plan.Routes {
		ends := map[string]int{}
		maps.Copy(ends, route.AtOnce)
		for reason, n := range route.WithinHour {
			ends[reason] += n
		}
		if len(ends) > 0 {
			planned[route.Route] = ends
		}
		for _, n := range ends {
			total += n
		}
	}
	onGoing := r.list(api.Filter{Endpoint: goes})
	want := map[string]map[string]int{
		"framed": {"max_lifetime": 75}, "plain": {"max_lifetime": 40}, "two": {"drained": len(onGoing)}, "goes": {"route_removed": 30},
	}
	if diff := cmp.Diff(want, planned); diff != "" || len(onGoing) == 0 {
		t.Errorf("the plan: -want +got\n%s", diff)
	}

	r.reload()
	eventually(t, "what was planned has ended", func() bool { return len(r.log.ended()) >= total })
	got := r.ends()
	for _, route := range got { // one that drains ends as shutdown where drain_timeout cuts it
		for as, is := range map[string]string{"shutdown": "drained"} {
			route[is] += route[as]
			delete(route, as)
		}
	}
	got["goes"]["route_removed"] += got["goes"]["drained"]
	for _, route := range got {
		maps.DeleteFunc(route, func(reason string, n int) bool { return n == 0 })
	}
	delete(got["goes"], "drained")
	if diff := cmp.Diff(planned, got); diff != "" {
		t.Errorf("planned (-) and ended (+) differ:\n%s", diff)
	}
	if left := r.list(api.Filter{}); len(left) != len(before)-total {
		t.Errorf("%d connections are left of %d, of which %d were to end", len(left), len(before), total)
	}
}

// A shortened idle_timeout ends at once those that are over it and no others: those that have spoken since stay.
func TestAPlanTellsTheSilentFromTheLively(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, plannable, "idle_timeout: 2h", at, fmt.Sprintf("%q", at), "")
	for range 50 {
		r.dial("framed").echo(framed("hello"))
	}
	eventually(t, "they are silent for a second", func() bool { return len(r.list(api.Filter{Idle: time.Second})) == 50 })
	var lively []*client
	for range 25 {
		lively = append(lively, r.dial("framed"))
	}
	text := "admin: {listen: \"127.0.0.1:0\"}\n" + fmt.Sprintf(plannable, "idle_timeout: 1s", at, fmt.Sprintf("%q", at), "")
	var plan api.Plan
	for late := true; late; { // again where the machine has made a lively one silent for a second
		began := time.Now()
		for _, c := range lively {
			c.echo(framed("hello"))
		}
		var err error
		if plan, err = r.g.Plan(t.Context(), []byte(text)); err != nil || !plan.OK {
			t.Fatalf("%+v, %v", plan, err)
		}
		late = time.Since(began) > time.Second
	}
	row := plan.Routes[0]
	if row.Route != "framed" || row.Connections != 75 || row.AtOnce["idle_timeout"] != 50 || row.WithinHour["idle_timeout"] > 25 {
		t.Errorf("the plan is %+v, want 50 at once and the others, if any, within the hour", row)
	}
	if len(plan.Changes) != 1 || !strings.Contains(plan.Changes[0].Text, "idle_timeout: 2h -> 1s") {
		t.Errorf("the changes are %+v", plan.Changes)
	}
	for _, c := range lively {
		c.Close()
	}
}

// Clients that speak far more often than an edited idle_timeout asks for are not what it ends.
func TestAPlanGoesByTheHabitsOfClients(t *testing.T) {
	at := backend(t, echoes)
	r := start(t, plannable, "idle_timeout: 2h", at, fmt.Sprintf("%q", at), "")
	for range 20 { // these have never spoken
		r.dial("framed")
	}
	var devices []*client
	for range 15 {
		devices = append(devices, r.dial("framed"))
	}
	eventually(t, "all have been silent for 300 ms", func() bool { return len(r.list(api.Filter{Idle: 300 * time.Millisecond})) == 35 })
	text := "admin: {listen: \"127.0.0.1:0\"}\n" + fmt.Sprintf(plannable, "idle_timeout: 10m", at, fmt.Sprintf("%q", at), "")
	eventually(t, "only those that have never spoken are to end", func() bool {
		for _, c := range devices {
			c.echo(framed("hello"))
		}
		plan, err := r.g.Plan(t.Context(), []byte(text))
		if err != nil || !plan.OK {
			t.Fatalf("%+v, %v", plan, err)
		}
		row := plan.Routes[0]
		return row.Connections == 35 && len(row.AtOnce) == 0 && row.WithinHour["idle_timeout"] == 20
	})
}

// What jitter takes off the lifetime of open connections is drawn by an edit as its plan has said.
func TestAPlanDrawsJitterAsTheEdit(t *testing.T) {
	const all, hour, margin = 200, 3600.0, 60.0
	at := backend(t, echoes)
	r := start(t, plannable, "idle_timeout: none", at, fmt.Sprintf("%q", at), "")
	for range all {
		r.dial("framed")
	}
	eventually(t, "all are there", func() bool { return len(r.list(api.Filter{})) == all })
	const edited = "idle_timeout: none, max_lifetime: 120m, jitter: 90%"
	plan, err := r.g.Plan(t.Context(), []byte("admin: {listen: \"127.0.0.1:0\"}\n"+fmt.Sprintf(plannable, edited, at, fmt.Sprintf("%q", at), "")))
	if err != nil || !plan.OK {
		t.Fatalf("%+v, %v", plan, err)
	}
	r.edit(plannable, edited, at, fmt.Sprintf("%q", at), "")
	least, most := 0, 0
	for _, c := range r.list(api.Filter{}) {
		if c.NextTimer != "max_lifetime" || c.DueSeconds == nil {
			t.Fatalf("%+v", c)
		}
		if *c.DueSeconds < hour-margin {
			least++
		}
		if *c.DueSeconds < hour+margin {
			most++
		}
	}
	if got := plan.Routes[0].WithinHour["max_lifetime"]; got < least || got > most || least == 0 || most == all {
		t.Errorf("the plan says that %d end within the hour, and it is %d to %d of %d", got, least, most, all)
	}
}

func TestAPlanOfABadFileSaysWhatIsWrong(t *testing.T) {
	at := backend(t, echoes)
	r, _ := startFile(t, fmt.Sprintf(plannable, "idle_timeout: 2h", at, fmt.Sprintf("%q", at), ""))
	for name, test := range map[string]struct{ text, want string }{
		"a mistake":                {"routes: 7", "routes: must be a list"},
		"a log that cannot be":     {"log: {file: /nowhere/at/all/log}\n" + fmt.Sprintf(plannable, "idle_timeout: 2h", at, fmt.Sprintf("%q", at), ""), "log.file"},
		"a certificate not there":  {strings.Replace(fmt.Sprintf(plannable, "idle_timeout: 2h", at, fmt.Sprintf("%q", at), ""), "protocol: raw,", "tls: {cert: nowhere.pem, key: nowhere.key}, protocol: raw,", 1), "nowhere.pem"},
		"a document that is empty": {"", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := r.g.Plan(t.Context(), []byte(test.text))
			if err != nil || plan.OK || len(plan.Problems) == 0 {
				t.Fatalf("%+v, %v", plan, err)
			}
			if text := fmt.Sprint(plan.Problems); !strings.Contains(text, test.want) {
				t.Errorf("the problems are %s, want %s", text, test.want)
			}
		})
	}
}

func TestGoingBackToThePolicyBefore(t *testing.T) {
	at := backend(t, echoes)
	first, second := "idle_timeout: 2h", "idle_timeout: 3h"
	r, write := startFile(t, fmt.Sprintf(plannable, first, at, fmt.Sprintf("%q", at), ""))
	if _, err := r.g.Previous(t.Context()); err == nil {
		t.Error("there is a policy before the first")
	}
	write(fmt.Sprintf(plannable, second, at, fmt.Sprintf("%q", at), ""))
	r.reload()
	inForce := func(want time.Duration, generation uint64) {
		t.Helper()
		if got := valueOf(r.route("framed"), "idle_timeout"); got != want {
			t.Errorf("idle_timeout is %v, want %v", got, want)
		}
		if got := r.snapshot().Config.Generation; got != generation {
			t.Errorf("the generation is %d, want %d", got, generation)
		}
	}
	inForce(3*time.Hour, 2)
	for i, want := range []time.Duration{2 * time.Hour, 3 * time.Hour, 2 * time.Hour} { // back, forth, back
		done, err := r.g.Previous(t.Context())
		if err != nil || !done.OK || done.Trigger != "previous" || len(done.Changes) != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		inForce(want, uint64(3+i))
		if want == 3*time.Hour { // as the file says
			r.calm(api.AlarmFileNotInForce)
		} else {
			r.alarm(api.AlarmFileNotInForce)
		}
	}
	r.reload()
	inForce(3*time.Hour, 6)
	r.calm(api.AlarmFileNotInForce)
	write("no policy")
	if done, err := r.g.Reload(t.Context()); err != nil || done.OK {
		t.Fatalf("%+v, %v", done, err)
	}
	for range 2 { // neither policy is what the file says now
		if done, err := r.g.Previous(t.Context()); err != nil || !done.OK {
			t.Fatalf("%+v, %v", done, err)
		}
		r.alarm(api.AlarmFileNotInForce)
		r.alarm(api.AlarmFileRefused) // a start would still fail
		if r.snapshot().Config.LastReloadSuccessful {
			t.Error("config_last_reload_successful is 1, and the file that was read last was refused")
		}
	}
	write(fmt.Sprintf(plannable, second, at, fmt.Sprintf("%q", at), ""))
	r.reload()
	r.calm(api.AlarmFileRefused)
	r.calm(api.AlarmFileNotInForce)
	if !r.snapshot().Config.LastReloadSuccessful {
		t.Error("config_last_reload_successful is 0 with a file that is right again")
	}
}
