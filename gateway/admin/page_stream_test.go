package admin

import (
	"strings"

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

// losesStream has more happen than the page can be told, and then an end that it is not told of.
func losesStream(b *tab) {
	b.fleet.mu.Lock()
	for _, heard := range b.fleet.hear {
		close(heard)
	}
	b.fleet.hear = nil
	b.fleet.mu.Unlock()
	b.until(`document.querySelector("#stream").checkVisibility()`)
	b.fleet.mu.Lock()
	b.fleet.ended = append(b.fleet.ended, api.Ended{ID: 7, Route: "chat", Reason: "killed", EndedAt: b.fleet.now()})
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector('#ended-rows tr[data-key="7"]')`)
	expect(b, "the gateway is there", b.text("#contact"), "live")
}
