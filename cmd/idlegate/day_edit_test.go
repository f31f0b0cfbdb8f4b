package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

const (
	inForce  = 12 * time.Second // idle_timeout in the morning
	rehearse = time.Second      // the one that is tried first
)

// adviceFor is what the advice has led to.
type adviceFor struct {
	timeout time.Duration
	yaml    string
}

// seeDue finds the connections that idle_timeout is about to end: the dead ones, and no others.
func (d *day) seeDue() {
	var due api.Connections // but for those that connect_timeout ends unless they are connected in a moment
	d.until("some are about to time out", func() bool {
		due = told[api.Connections](d.operator, "connections", "--state", "open", "--due", "9s", "--sort", "due")
		due.Connections = slices.DeleteFunc(due.Connections, d.wasLate)
		return len(due.Connections) >= 10
	})
	for _, c := range due.Connections {
		if d.habitOf(c.Client) != dead {
			d.Errorf("connection %d of a %s is said to be about to time out: silent for %gs", c.ID, d.habitOf(c.Client), c.SilenceSeconds)
		}
		if left := *c.DueSeconds; c.NextTimer != "idle_timeout" || left > 9 || left+c.SilenceSeconds < 11.9 || left+c.SilenceSeconds > 12.1 {
			d.Errorf("connection %d is silent for %gs, and %s ends it in %gs", c.ID, c.SilenceSeconds, c.NextTimer, left)
		}
	}
	for _, c := range due.Connections[:6] {
		d.predicted = append(d.predicted, c.ID)
	}
	d.says(d.does("connections", "--state", "open", "--due", "9s", "--sort", "due", "--limit", "100"),
		`^ *ID +ROUTE .* CLIENT .* AGE +SILENCE .* NEXT\n`, `\n *\d+ +devices .* open .* idle_timeout in [\d.]+s\n`)

	last := due.Connections[len(due.Connections)-1]
	d.says(d.does("explain", strconv.FormatUint(last.ID, 10)),
		fmt.Sprintf(`^idle_timeout closes connection %d in [\d.]+s unless the client sends a whole message\.\n`, last.ID),
		`\nidle_timeout +12s +idlegate\.yaml:19 +running +[\d.]+s +`, `\nmessage_timeout +10s +default +waiting`,
		`\nclient +`+last.Client+`, silent for `, `\npolicy +patient: long, reset_on client`)
	d.says(d.does("top", "--count", "1"), `devices`, `idle_timeout in [\d.]+s`)
	d.onPage(func(p *statusPage) {
		p.search(last.Client)
		p.shows("#connection-rows", last.Client, "idle_timeout")
		p.search("")
		p.shows("#range", "of ")
		d.until("the page has as many that are due as the API", func() bool {
			shown, _ := strconv.ParseUint(p.text(`[data-is="due"]`), 10, 64)
			return shown > 0 && shown == asks[api.Silences](d.operator, "/silence").Silences[0].Due
		})
		p.shoot("1-due")
	})
}

// wasLate reports whether a busy machine has made one that speaks as silent as the gateway says, by its own record.
func (d *day) wasLate(c api.Connection) bool {
	silent := func(one *device) bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		return one.client() == c.Client && one.longestBy(time.Now()).Seconds() >= c.SilenceSeconds
	}
	return slices.ContainsFunc(d.fleet.lively(), silent) || len(d.fleet.of(guest, silent)) > 0
}

func (d *day) habitOf(client string) habit {
	for _, h := range []habit{talker, sleeper, dead, guest} {
		if len(d.fleet.of(h, func(one *device) bool { return one.client() == client })) > 0 {
			return h
		}
	}
	return "stranger"
}

// tryInDryRun writes a dry run into the file. It counts the dead and the sleepers, and ends nothing.
func (d *day) tryInDryRun() {
	d.write(d.policy() + "      dry_run: {idle_timeout: 1s}\n")
	d.until("the edit is in force", func() bool { return d.figure("config_generation") == 2 })
	d.until("it is logged", func() bool {
		return d.logged(`msg="policy file took over" trigger=file generation=2 changes=1$`) == 1 &&
			d.logged(`msg=changed generation=2 what="policies\.patient\.long\.dry_run: false -> \{idle_timeout: 1s\}"$`) == 1
	})
	const observed = `timeouts_total{action="observed",route="devices",timeout="idle_timeout"}`
	sleepers := d.fleet.of(sleeper, (*device).isOpen)
	for _, s := range sleepers {
		d.until("it counts each that falls silent, and sees it speak again", func() bool {
			return d.logged(`msg="dry run: connection would have ended" id=\d+ route=devices client=`+s.client()+` timeout=idle_timeout age=`) > 0 &&
				d.logged(`msg="dry run: false cut" id=\d+ route=devices client=`+s.client()+` silence=[\d.]+s$`) > 0
		})
	}
	for _, s := range d.fleet.of(dead, (*device).isOpen) {
		d.until("it counts each of the dead once", func() bool {
			return d.logged(`msg="dry run: connection would have ended" id=\d+ route=devices client=`+s.client()+` `) == 1
		})
	}
	d.until("metric and log agree", func() bool {
		return d.figure(observed) == float64(d.logged(`msg="dry run: connection would have ended"`))
	})
	if now := len(d.fleet.lively()); now != 36 {
		d.Errorf("%d are left of 36 that speak", now)
	}
	d.neverEarly(inForce, time.Time{})
	id := told[api.Connections](d.operator, "connections", "--client", sleepers[0].client()).Connections[0].ID
	d.says(d.does("explain", strconv.FormatUint(id, 10)), `\ndry run: idle_timeout of 1s \(idlegate\.yaml:20\) would `)
	d.onPage(func(p *statusPage) {
		p.shows(".route", "dry run: idle_timeout ")
		p.until(`[...document.querySelectorAll('[data-is="silence"] text')].some((text) => text.textContent === "dry run 1 s")`)
		p.shows("#reload-result", "1 change took over", "policies.patient.long.dry_run: false -> {idle_timeout: 1s}")
		p.shoot("2-dry-run")
		young := d.idOf(d.fleet.welcome(d.T, dead))
		p.search(young)
		p.press(`#connection-rows tr[data-key="` + young + `"] [data-is="id"]`)
		p.shows("#details-timers", "└ dry run", "idlegate.yaml:20", "counted")
		p.shoot("2-details")
		p.press("#details-leave")
		p.search("")
	})
}

// neverEarly demands of all that idle_timeout has ended since some time that they were silent for so long.
func (d *day) neverEarly(timeout time.Duration, since time.Time) {
	d.Helper()
	for _, line := range d.lines(`time=(\S+) .*msg="connection ended" (id=\d+) .*reason=idle_timeout .*longest_silence=(\S+)`) {
		at, err := time.Parse(time.RFC3339Nano, line[1])
		if err != nil {
			d.Fatal(err)
		}
		silence, err := time.ParseDuration(line[3])
		if err != nil {
			d.Fatal(err)
		}
		if at.After(since) && silence < timeout {
			d.Errorf("%s was ended after %v of silence, before idle_timeout %v", line[2], silence, timeout)
		}
	}
}

// readAdvice waits until there is enough to go by, and compares the figures with what the devices have recorded themselves.
func (d *day) readAdvice() {
	var a api.Advice
	var cutBefore, deadBefore, spokenBefore int
	var hoursBefore float64
	var least time.Duration
	d.until("there is enough to go by", func() bool {
		cutBefore, _ = d.fleet.silences(rehearse)
		least = d.recommendable(func(c time.Duration) int { n, _ := d.fleet.silences(c); return n })
		deadBefore, _, hoursBefore, _ = d.fleet.deadFor(5 * time.Second)
		spokenBefore = d.logged(`msg="dry run: false cut"`)
		a = told[api.Advices](d.operator, "advise").Advices[0]
		return a.Enough
	})
	_, cutAfter := d.fleet.silences(rehearse)
	_, deadAfter, _, hoursAfter := d.fleet.deadFor(5 * time.Second)
	within := func(what string, least, got, most float64) {
		d.Helper()
		if got < least || got > most {
			d.Errorf("%s: the advice has %g, the devices have recorded %g to %g", what, got, least, most)
		}
	}
	within("connections that 1s would have cut and that spoke again", float64(cutBefore), float64(a.Candidates[0].CutSpoke), float64(cutAfter))
	within("connections that 5s would have cut and that did not", float64(deadBefore), float64(a.Candidates[2].CutDead), float64(deadAfter))
	within("hours that 5s would have reclaimed", hoursBefore, a.Candidates[2].ReclaimedHours, hoursAfter)
	d.until("the log has each that spoke again in the dry run", func() bool {
		return d.logged(`msg="dry run: false cut"`) >= int(a.DryRunFalseCuts)
	})
	if int(a.DryRunFalseCuts) < spokenBefore || *a.DryRunSeconds != 1 || *a.InForceSeconds != 12 {
		d.Errorf("dry run %gs beside %gs, of which %d spoke again, want %d at least", *a.DryRunSeconds, *a.InForceSeconds, a.DryRunFalseCuts, spokenBefore)
	}
	d.advice = adviceFor{time.Duration(*a.RecommendedSeconds * float64(time.Second)), a.YAML}
	most := d.recommendable(func(c time.Duration) int { _, n := d.fleet.silences(c); return n })
	if d.advice.timeout < least || d.advice.timeout > most {
		d.Errorf("recommended is %v, the devices' own records lead to %v to %v", d.advice.timeout, least, most)
	}
	d.says(d.does("advise"), `^route devices, policy patient, idle_timeout 12s, dry run 1s: \d+ connections seen in \d+s\n`,
		`\n *TIMEOUT +FALSE CUTS +DEAD CUTS +HOURS RECLAIMED +NOTE\n`, `\n +1s .* dry run\n`, `\n +\d+s +0 +\d+ +[\d.]+  recommended\n`,
		`\nrecommended: idle_timeout `+d.advice.timeout.String()+`\n`, `\npolicies:\n  patient:\n    long:\n      idle_timeout: `+d.advice.timeout.String()+`\n`)
}

// recommendable is the shortest candidate that would have cut none, and the next as margin.
func (d *day) recommendable(cut func(time.Duration) int) time.Duration {
	ladder := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}
	i := slices.IndexFunc(ladder, func(candidate time.Duration) bool { return cut(candidate) == 0 })
	return ladder[min(i, 3)+1]
}

// pasteAdvice puts what was advised in the place of the policy. It ends the dead that were open before, spread over
// edit_grace, and nobody else.
func (d *day) pasteAdvice() {
	for _, id := range d.predicted {
		d.until("what was about to time out in the morning has", func() bool {
			return d.logged(fmt.Sprintf(`msg="connection ended" id=%d .*reason=idle_timeout .*longest_silence=(1[2-9]|[2-5]\d)(\.\d+)?s`, id)) == 1
		})
	}
	d.manyGoSilent(d.advice.timeout)
	d.save(d.edited(d.advice.yaml))
	d.does("reload") // at once, before the timeout in force ends them
	d.until("the edit is in force", func() bool { return d.figure("config_generation") == 3 })
	since := asks[api.Status](d.operator, "/status").Config.LoadedAt
	d.until("all that were silent for longer have ended", func() bool {
		return len(told[api.Connections](d.operator, "connections", "--idle", d.advice.timeout.String()).Connections) == 0
	})
	d.fleet.shutGates()
	d.spread(since)
	d.until("only those that speak are left", func() bool { return d.figure(`connections{route="devices"}`) == 36 })
	if now := len(d.fleet.lively()); now != 36 {
		d.Errorf("%d are left of 36 that speak", now)
	}
	d.neverEarly(d.advice.timeout, time.Time{})
	ended := d.figure(`connections_closed_total{reason="idle_timeout",route="devices"}`)
	if fired := d.figure(`timeouts_total{action="closed",route="devices",timeout="idle_timeout"}`); fired != ended {
		d.Errorf("idle_timeout has fired %g times, and ended %g", fired, ended)
	}
	d.until("the log agrees with the metrics", func() bool { return d.logged(`reason=idle_timeout`) == int(ended) })
	d.says(d.does("connections", "--idle", d.advice.timeout.String()), `^ *ID .*\n$`)
	d.onPage(func(p *statusPage) {
		p.shows("#reload-result", "took over", "policies.patient.long.idle_timeout", "12s", d.advice.timeout.String())
		p.until(`[...document.querySelectorAll('[data-is="silence"] text')].some((text) => text.textContent === "idle_timeout ` +
			strings.TrimSuffix(d.advice.timeout.String(), "s") + ` s")`)
		d.until("the page has as many that it ended as the metrics", func() bool {
			p.hurry()
			return strings.Contains(p.text(`[data-is="legend"]`), fmt.Sprintf("idle_timeout %g", ended))
		})
		p.shoot("4-pasted")
	})
}

// manyGoSilent brings n of the dead, until the first of them is silent for longer than timeout, that whenever an edit takes over
// in the next seconds there are some between that and the timeout in force. Those that come by themselves are too few where clients that
// speak were so late that the advice is nearly as long.
func (d *day) manyGoSilent(timeout time.Duration) {
	d.Helper()
	const rate = 130 * time.Millisecond // from one to the next, however long the command takes
	first, came := d.fleet.welcome(d.T, dead), time.Now()
	d.until("those that came first are silent for longer", func() bool {
		for ; time.Since(came) > rate; came = came.Add(rate) {
			d.fleet.welcome(d.T, dead)
		}
		return slices.ContainsFunc(told[api.Connections](d.operator, "connections", "--idle", timeout.String()).Connections,
			func(c api.Connection) bool { return c.Client == first.client() })
	})
}

// spread demands that an edit has ended those that were silent for longer than it allows one by one within edit_grace, which is 2 s.
func (d *day) spread(since time.Time) {
	d.Helper()
	var after []time.Duration
	for _, e := range asks[api.Endings](d.operator, "/ended?limit=1000").Ended {
		waited := e.EndedAt.Sub(since)
		if waited < 0 || e.LongestSilenceSeconds-waited.Seconds() < d.advice.timeout.Seconds() {
			continue
		}
		if e.Reason != "idle_timeout" {
			d.Errorf("connection %d ended with %s", e.ID, e.Reason)
		}
		after = append(after, waited)
	}
	slices.Sort(after)
	if len(after) < 6 {
		d.Fatalf("the edit has ended %d at once, after %v", len(after), after)
	}
	const late = 10 * time.Second // on a busy machine
	if last := after[len(after)-1]; last-after[0] < 200*time.Millisecond || last > 2*time.Second+late {
		d.Errorf("ended %v after the edit, want them spread over 2s", after)
	}
}
