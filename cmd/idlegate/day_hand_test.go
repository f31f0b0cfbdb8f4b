package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"idlegate/gateway/admin/api"
)

// makeMistake writes a policy that is none. It is refused, the one before stays in force, and all say where the mistake is.
func (d *day) makeMistake() {
	good, generation := d.policy(), d.figure("config_generation")
	bad := strings.Replace(good, "idle_timeout: "+d.advice.timeout.String()+"\n", "idle_timeout: 5 seconds\n", 1)
	before, _, _ := strings.Cut(bad, "5 seconds")
	line, column := strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n")
	place := fmt.Sprintf("idlegate.yaml:%d:%d", line, column)

	silent := d.fleet.welcome(d.T, dead)
	d.save(bad)
	d.until("the edit is refused", func() bool { return d.figure("config_last_reload_successful") == 0 })
	d.until("it is logged", func() bool {
		return d.logged(`level=ERROR msg="policy file refused: the one before stays in force" trigger=file`) == 1 &&
			d.logged(fmt.Sprintf(`msg="problem in the policy file" .*line=%d column=%d problem="policies\.patient\.long\.idle_timeout: `, line, column)) == 1
	})
	stdout, stderr := d.tries(1, "reload")
	d.says(stderr, `(?m)^(.*/)?`+place+`: policies\.patient\.long\.idle_timeout: .*$`, `the policy in force stays`)
	if stdout != "" {
		d.Errorf("reload prints %q", stdout)
	}
	if now := d.figure("config_generation"); now != generation {
		d.Errorf("generation %g is in force, want %g", now, generation)
	}
	last := asks[api.Status](d.operator, "/status").Config.LastReload
	if last.OK || last.Trigger != "call" || len(last.Problems) != 1 || last.Problems[0].Line != line || last.Problems[0].Source != "      idle_timeout: 5 seconds" {
		d.Errorf("the API says of the last reload %+v", last)
	}
	d.onPage(func(p *statusPage) {
		p.shows("#reload-panel.refused", place, "idle_timeout: 5 seconds", fmt.Sprintf("Generation %g stays in force", generation))
		p.shoot("5-mistake")
	})
	<-silent.ended
	d.until("the policy before is still in force", func() bool { return d.logged(`client=`+silent.client()+` .*reason=idle_timeout`) == 1 })
	d.neverEarly(d.advice.timeout, time.Time{})

	d.save(good)
	d.until("the mended file is in force", func() bool { return d.figure("config_last_reload_successful") == 1 })
	d.says(d.does("reload"), `^nothing changed: what the file says was in force already\n$`)
	d.onPage(func(p *statusPage) { p.until(`!document.querySelector("#reload-panel.refused")`) })
}

// closeByHand ends one connection with a command, and one on the page.
func (d *day) closeByHand() {
	byCommand := d.fleet.of(talker, (*device).isOpen)[0]
	id := d.idOf(byCommand)
	d.says(d.does("close", id), `^closed `+id+`\n$`)
	d.isKilled(byCommand, id, 1)
	_, stderr := d.tries(1, "close", id)
	d.says(stderr, `there is no open connection `+id+`\n$`)
	d.says(d.does("explain", id), `^Connection `+id+` has ended: killed, at `)

	d.onPage(func(p *statusPage) {
		byPage := d.fleet.of(sleeper, (*device).isOpen)[0]
		id := d.idOf(byPage)
		p.search(byPage.client())
		row := `#connection-rows tr[data-key="` + id + `"]`
		p.until(`document.querySelectorAll("#connection-rows tr").length === 1 && document.querySelector(` + quoted(row) + `)`)
		p.press(row + ` [data-is="close"]`)
		p.shows(row+` [data-is="close"]`, "Close? yes")
		if !byPage.isOpen() {
			p.Error("it is closed at the first press")
		}
		p.press(row + ` [data-is="close"]`)
		d.isKilled(byPage, id, 2)
		p.shows("#notice", "Connection "+id+" is closed.")
		p.until(`document.querySelector('#ended-rows tr[data-key="` + id + `"]')?.innerText.includes("killed")`)
		p.search("")
		p.shoot("6-closed")
	})
}

// idOf is the id that the gateway has given a device, once it has.
func (d *day) idOf(one *device) string {
	d.Helper()
	return strconv.FormatUint(d.connectionOf(one, func(api.Connection) bool { return true }).ID, 10)
}

// connectionOf is what the gateway knows of a device, once ok lets it through.
func (d *day) connectionOf(one *device, ok func(api.Connection) bool) (known api.Connection) {
	d.Helper()
	d.until("the gateway knows "+one.client(), func() bool {
		found := told[api.Connections](d.operator, "connections", "--client", one.client()).Connections
		if len(found) == 1 && ok(found[0]) {
			known = found[0]
		}
		return known.ID > 0
	})
	return known
}

// isKilled demands that a connection has ended for that, everywhere, as one of n.
func (d *day) isKilled(one *device, id string, n float64) {
	d.Helper()
	<-one.ended
	if one.wrong != nil {
		d.Errorf("the client sees %v, want all of its echoes and FIN", one.wrong)
	}
	d.until("the log says killed", func() bool { return d.logged(`msg="connection ended" id=`+id+` .*reason=killed `) == 1 })
	if got := d.figure(`connections_closed_total{reason="killed",route="devices"}`); got != n {
		d.Errorf("%g were killed, want %g", got, n)
	}
	for _, e := range asks[api.Endings](d.operator, "/ended?limit=20").Ended {
		if strconv.FormatUint(e.ID, 10) == id && e.Reason == "killed" && e.Client == one.client() {
			return
		}
	}
	d.Errorf("connection %s is not among those that ended last", id)
}

// drainEndpoint drains one of two endpoints, and gives it connections again.
func (d *day) drainEndpoint() {
	leaving, staying := d.backends[0], d.backends[1]
	had := told[api.Connections](d.operator, "connections", "--endpoint", leaving).Connections
	if len(had) < 10 {
		d.Fatalf("only %d connections are at %s", len(had), leaving)
	}
	d.says(d.does("drain", "--upstream", "servers", "--endpoint", leaving),
		`^`+leaving+` drains: it gets no more connections; the \d+ that are open end within drain_timeout\n`, `\n`+leaving+` +draining `, `\n`+staying+` +active `)
	if got := d.endpointOf(d.fleet.welcome(d.T, talker)); got != staying {
		d.Errorf("a new connection is at %s, want %s", got, staying)
	}
	d.onPage(func(p *statusPage) {
		p.shows(`#endpoint-rows tr[data-key="servers `+leaving+`"]`, "draining", "Undrain")
		p.shoot("7-draining")
	})
	d.until("all of its connections have ended", func() bool {
		return d.figure(`upstream_connections{endpoint="`+leaving+`",upstream="servers"}`) == 0
	})
	for _, c := range had {
		d.until("the end is logged", func() bool {
			return d.logged(fmt.Sprintf(`msg="connection ended" id=%d .*reason=(drained|shutdown) `, c.ID)) == 1
		})
	}
	d.says(d.does("drain", "--upstream", "servers", "--endpoint", leaving, "--undo"), `^`+leaving+` gets connections again\n`, `\n`+leaving+` +active +0 `)
	if got := d.endpointOf(d.fleet.welcome(d.T, talker)); got != leaving {
		d.Errorf("a new connection is at %s, want %s, which has the fewest", got, leaving)
	}
	d.onPage(func(p *statusPage) { p.shows(`#endpoint-rows tr[data-key="servers `+leaving+`"]`, "active", "Drain") })
}

// endpointOf is the endpoint that the gateway has given a device, once it has.
func (d *day) endpointOf(one *device) string {
	d.Helper()
	return d.connectionOf(one, func(c api.Connection) bool { return c.Endpoint != "" }).Endpoint
}

// signals makes the gateway read its file at SIGHUP, and open its log again at SIGUSR1.
func (d *day) signals() {
	generation, accepted := d.figure("config_generation"), d.figure("config_last_reload_success_timestamp_seconds")
	d.signal(syscall.SIGHUP)
	d.until("the file is read at SIGHUP", func() bool { return d.figure("config_last_reload_success_timestamp_seconds") > accepted })
	d.until("it is logged", func() bool {
		return d.logged(fmt.Sprintf(`msg="policy file took over" trigger=signal generation=%g changes=0$`, generation)) == 1
	})

	old := d.log + ".1"
	if err := os.Rename(d.log, old); err != nil {
		d.Fatal(err)
	}
	d.signal(syscall.SIGUSR1)
	d.until("there is a log again", func() bool { _, err := os.Stat(d.log); return err == nil })
	id := d.idOf(d.fleet.lively()[0])
	d.does("close", id)
	ended := `msg="connection ended" id=` + id + ` .*reason=killed `
	d.until("it has the next line", func() bool { return d.logged(ended) == 1 })
	before := operator{log: old}
	if before.logged(ended) > 0 {
		d.Error("the line is in the renamed log as well")
	}
	if dropped := d.figure("log_dropped_total"); dropped != 0 {
		d.Errorf("%g lines were lost", dropped)
	}
}

// drainGateway ends the day: all connections end within drain_timeout, and then the gateway.
func (d *day) drainGateway() {
	open := d.fleet.lively()
	d.says(d.does("drain", "--gateway"), `^the gateway at `+d.admin+` drains: it accepts no more; the \d+ that are open end within drain_timeout, then it stops\n$`)
	select {
	case <-d.exited:
	case <-time.After(time.Minute):
		d.Fatal("the gateway does not end")
	}
	if d.failure != nil {
		d.Errorf("after the drain the gateway ends with %v", d.failure)
	}
	for _, one := range open {
		<-one.ended
		if one.wrong != nil {
			d.Errorf("%s: %v", one.client(), one.wrong)
		}
	}
	if n := d.logged(`msg="connection ended" .*reason=(drained|shutdown) `); n != len(open) {
		d.Errorf("%d ends are logged, of %d that were open", n, len(open))
	}
	_, stderr := d.tries(1, "connections")
	d.says(stderr, `no gateway|refused`)
	d.onPage(func(p *statusPage) {
		p.shows("#contact", "not reached")
		p.shows("#alert", "The gateway cannot be reached since")
		p.shoot("8-gone")
	})
}
