package admin

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

func hearsEvents(b *tab) {
	b.until(`document.querySelector("#stream").hidden`)
	calls := b.callsOf(func() {
		b.fleet.mu.Lock()
		now := b.fleet.now()
		b.fleet.say(api.Event{Kind: api.EventEnded, At: now, Ended: &api.Ended{ID: 7, Route: "chat", Client: "192.0.2.7:1", Reason: "protocol_error", EndedAt: now}})
		b.fleet.mu.Unlock()
		b.until(`document.querySelector('#ended-rows tr[data-key="7"]')?.textContent.includes("protocol_error")`)
	})
	for _, call := range calls {
		if strings.Contains(call, "/ended") {
			b.Errorf("it asks for ends though it hears of them: %s", call)
		}
	}
	b.fleet.mu.Lock()
	alarm := api.Alarm{Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: "chat", Since: b.fleet.now(), Text: "route chat is full", Do: "raise its limit"}
	b.fleet.more = []api.Alarm{alarm}
	b.fleet.say(api.Event{Kind: api.EventAlarm, At: b.fleet.now(), Alarm: &alarm})
	b.fleet.say(api.Event{Kind: api.EventHealth, At: b.fleet.now(), Health: &api.HealthEvent{Change: "down", Upstream: "chat_servers", Endpoint: "10.0.1.21:5222", Failures: 3, Error: "connection refused"}})
	b.fleet.say(api.Event{Kind: api.EventReload, At: b.fleet.now(), Reload: b.fleet.reloaded(b.fleet.now(), "file")})
	b.fleet.mu.Unlock()
	b.until(`[...document.querySelectorAll("#alarms .mark")].some((mark) => mark.textContent === "route chat is full")`)
	b.until(`document.querySelector('tr[data-key="chat"] [data-is="state"]').textContent === "full"`)
	b.click("#reload")
	b.until(`document.querySelectorAll("#event-rows li").length >= 4`)
	happened := strings.Join(b.texts("#event-rows .words"), "\n")
	for _, part := range []string{
		"route chat is full", "endpoint 10.0.1.21:5222 of chat_servers: down after 3 failures in a row: connection refused",
		"the policy file took over: 1 change, generation 7", "POST /api/v1/reload",
	} {
		if !strings.Contains(happened, part) {
			b.Errorf("no %q among the events: %s", part, happened)
		}
	}
}

// showsEventsOfThePast is opened after something has happened, and has its stream cut and opened again.
func showsEventsOfThePast(b *tab) {
	done := func(from string) {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		b.fleet.say(api.Event{Kind: api.EventDeed, At: b.fleet.now(), Deed: &api.Deed{From: from, Call: "POST /x", Result: "done"}})
	}
	shows := func(froms ...string) {
		b.Helper()
		b.until(fmt.Sprintf(`document.querySelector("#event-rows .words")?.textContent.startsWith("%s")`, froms[0]))
		for i, words := range b.texts("#event-rows .words") {
			if i >= len(froms) || !strings.HasPrefix(words, froms[i]) {
				b.Fatalf("events are %q, want those of %q", b.texts("#event-rows .words"), froms)
			}
		}
	}
	done("first")
	done("second")
	b.do(chromedp.Reload())
	shows("second", "first")
	b.fleet.cutStreams()
	b.until(`document.querySelector("#stream").textContent.startsWith("more ends")`) // it is there again, without ends
	done("third")
	shows("third", "second", "first")
}

// cutStreams drops those who listen.
func (f *fleet) cutStreams() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, heard := range f.hear {
		close(heard)
	}
	f.hear = nil
}

// losesStream has more happen than the page can be told, and then an end that it is not told of.
func losesStream(b *tab) {
	b.fleet.cutStreams()
	b.until(`document.querySelector("#stream").checkVisibility()`)
	b.fleet.mu.Lock()
	b.fleet.ended = append(b.fleet.ended, api.Ended{ID: 7, Route: "chat", Reason: "killed", EndedAt: b.fleet.now()})
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector('#ended-rows tr[data-key="7"]')`)
	expect(b, "the gateway is there", b.text("#contact"), "live")
}
