package admin

import (
	"errors"
	"strings"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

func saysGone(b *tab) {
	b.excuse("net::ERR_")
	open := b.text("#open")
	b.shutDown()
	b.poll()
	b.until(`!document.querySelector("#gone").hidden`)
	if text := b.text("#alert"); !strings.HasPrefix(text, "The gateway cannot be reached since ") {
		b.Errorf("the page says %q", text)
	}
	expect(b, "contact", b.text("#contact"), "not reached")
	expect(b, "title", evaluate[string](b, "document.title"), "not reached · gate-1 · idlegate")
	expect(b, "open", b.text("#open"), open) // what was last known stays
	b.shoot("gone")
	since := b.text("#alert")
	b.click("#reload")
	b.until(`document.querySelector("#notice").textContent === "The policy file was not read: the gateway cannot be reached."`)
	b.serve(b.address)
	b.poll()
	b.until(`document.querySelector("#contact").textContent === "live" && document.querySelector("#gone").hidden`)
	expect(b, "the alert, hidden now", b.text("#alert"), since) // it kept its instant
	expect(b, "spoken", b.text("#spoken"), "The gateway answers again.")
}

func saysIncomplete(b *tab) {
	b.excuse("503")
	b.fleet.fail(errors.New("loop 3 does not answer"))
	b.poll()
	b.until(`!document.querySelector("#gone").hidden`)
	if text := b.text("#alert"); !strings.Contains(text, "the gateway does not tell all: loop 3 does not answer") {
		b.Errorf("the page says %q", text)
	}
	b.fleet.fail(nil)
	b.poll()
	b.until(`document.querySelector("#gone").hidden`)
}

func saysFull(b *tab) {
	for _, full := range []bool{true, false} {
		b.fleet.mu.Lock()
		b.fleet.full = full
		b.fleet.mu.Unlock()
		b.poll()
		text, kind := "ready", "good"
		if full {
			text, kind = "full: new clients wait", "warn"
		}
		b.until(`document.querySelector("#ready").textContent === ` + literal(text))
		if !evaluate[bool](b, `document.querySelector("#ready").classList.contains(`+literal(kind)+`)`) {
			b.Errorf("%q is not shown as %s", text, kind)
		}
	}
}

// hostile does harm where it is taken for anything but text.
const hostile = `"><img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>'&lt;b`

func showsTextAsText(b *tab) {
	id := b.first()
	b.fleet.mu.Lock()
	m, err := b.fleet.member(id)
	if err != nil {
		b.Fatal(err)
	}
	m.client, m.endpoint, m.state = hostile, hostile, api.State(hostile)
	b.fleet.config.File = hostile
	b.fleet.config.LastReload = &api.Reload{
		Trigger: hostile, Error: hostile, Problems: []api.Problem{{File: hostile, Line: 1, Column: 3, Text: hostile, Source: hostile}},
	}
	b.fleet.ended = append(b.fleet.ended, api.Ended{ID: 1, Route: hostile, Client: hostile, Endpoint: hostile, Reason: hostile, EndedAt: b.fleet.now()})
	b.fleet.count("chat", hostile, b.fleet.now(), 3)
	b.fleet.mu.Unlock()
	b.do(chromedp.Reload()) // what ended is asked for at once, then seldom
	b.until(`document.querySelector("#file").textContent === ` + literal(hostile) + ` && document.querySelector("#ended-rows tr")`)
	b.click(row(id) + ` [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	for _, place := range []string{row(id) + ` [data-is="client"]`, `#ended-rows [data-is="reason"]`, `#ended-rows [data-is="route"]`} {
		expect(b, place, b.text(place), hostile)
	}
	for _, place := range []string{"#reload-result", ".problem", ".source", "#details-facts", row(id)} {
		if text := b.text(place); !strings.Contains(text, hostile) {
			b.Errorf("%s: %q", place, text)
		}
	}
	b.until(`document.querySelector('.route[data-route="chat"] [data-is="legend"]').textContent.includes(` + literal(hostile) + `)`)
	if evaluate[bool](b, `"harmed" in window || document.images.length > 0 || document.scripts.length > 1`) {
		b.Error("text from the network became part of the page")
	}
}
