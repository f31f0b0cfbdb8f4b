package admin

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

func showsBrokenProtocol(b *tab) {
	b.fleet.mu.Lock()
	now := b.fleet.now()
	b.fleet.say(api.Event{Kind: api.EventEnded, At: now, Ended: &api.Ended{
		ID: 7, Route: "devices", Client: "192.0.2.7:1", Proxy: "10.9.0.4:1", ServerName: "devices.example", Endpoint: "10.0.0.11:9000", Reason: "protocol_error", EndedAt: now,
		DurationSeconds: 61, ClientMessages: 3, ClientBytes: 2048,
		ProtocolError: &api.ProtocolError{Rule: "magic is wrong", From: "client", Offset: 1536, Bytes: "48656164"},
	}})
	b.fleet.mu.Unlock()
	b.until(`document.querySelector('#ended-rows tr[data-key="7"]')`)
	b.click(`#ended-rows tr[data-key="7"] button`)
	b.until(`document.querySelector("#details").open`)
	facts := b.text("#details-facts")
	for _, part := range []string{"192.0.2.7:1", "10.9.0.4:1", "devices.example", "magic is wrong", "client, behind 1.5 KiB", "48656164", "3 messages, 2.0 KiB"} {
		if !strings.Contains(facts, part) {
			b.Errorf("no %q in %s", part, facts)
		}
	}
	if fate := b.text("#details-fate"); !strings.HasSuffix(fate, ": protocol_error, after 1 m 1 s.") {
		b.Errorf("its fate is %q", fate)
	}
}

func showsSeldomColumns(b *tab) {
	const shown = `[...document.querySelectorAll("#headers th")].filter((th) => th.checkVisibility()).map((th) => th.textContent).join(" ")`
	for _, name := range []string{"TLS", "Proxy", "Heartbeats"} {
		if strings.Contains(evaluate[string](b, shown), name) {
			b.Errorf("there is a column %s with nothing in it", name)
		}
	}
	b.fleet.mu.Lock()
	rich(b.fleet)
	b.fleet.mu.Unlock()
	b.poll()
	b.until(shown + `.includes("Proxy")`)
	c := answers[api.Connections](b, "/connections?sort=due&limit=1").Connections[0]
	at := row(c.ID) + " "
	expect(b, "TLS", b.text(at+`[data-is="tls"]`), fmt.Sprintf("TLS 1.3, devices.example, CN=device-%d", c.ID))
	expect(b, "proxy", b.text(at+`[data-is="proxy"]`), "10.9.0.4:41822")
	expect(b, "heartbeats", b.text(at+`[data-is="beats"]`), fmt.Sprintf("%d / 0", c.ClientHeartbeats))
}

// drawsHour compares a chart with the history of the gateway, which began before the page was opened.
func drawsHour(b *tab) {
	history := answers[api.Histories](b, "/history?route=devices").Histories[0]
	const chart = `.route[data-route="devices"] [data-is="messages"] `
	heights := evaluate[[]float64](b, `[...document.querySelectorAll('`+chart+`.bars > g')].map((g) => Number(g.firstElementChild?.getAttribute("height") ?? 0))`)
	if len(heights) != 60 {
		b.Fatalf("%d bars", len(heights))
	}
	titles := b.texts(chart + ".hovers title")
	first := b.fleet.now().Truncate(time.Minute).Add(-59 * time.Minute)
	for _, minute := range history.Minutes {
		column := int(minute.At.Sub(first) / time.Minute)
		if (heights[column] > 0) != (minute.MessagesPeak > 0) || !strings.Contains(titles[column], fmt.Sprintf(" %d messages/s", minute.MessagesPeak)) {
			b.Errorf("minute %d: a bar of %g pixels for %d messages a second: %s", column, heights[column], minute.MessagesPeak, titles[column])
		}
	}
	labels := strings.Join(b.texts(chart+".text text"), " ")
	for _, part := range []string{"messages/s", "running minute"} {
		if !strings.Contains(labels, part) {
			b.Errorf("no %q on the axes: %s", part, labels)
		}
	}
	if last := b.texts(chart + ".hovers title")[59]; !strings.Contains(last, "(running)") {
		b.Errorf("the last minute is %q", last)
	}
	for part, unit := range map[string]string{"opens": " open", "volume": "iB/s", "arrivals": " a minute", "history": " a minute", "silence": " connections"} {
		if labels := strings.Join(b.texts(`.route[data-route="devices"] [data-is="`+part+`"] .text text`), " "); !strings.Contains(labels, unit) {
			b.Errorf("%s has no unit on its axis: %s", part, labels)
		}
	}
}

func saysRefused(b *tab) {
	expect(b, "hidden at first", evaluate[bool](b, `document.querySelector("#unrouted").hidden`), true)
	b.fleet.mu.Lock()
	b.fleet.unrouted = map[string]uint64{"no_route": 12, "bad_proxy_header": 3}
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`!document.querySelector("#unrouted").hidden`)
	if text := b.text("#unrouted"); !strings.Contains(text, "(route none)") || !strings.Contains(text, "no_route 12") || !strings.Contains(text, "bad_proxy_header 3") {
		b.Errorf("it says %q", text)
	}
	if text := b.text(`.route[data-route="devices"] [data-is="refused"]`); text != "refused: denied 3, over_source_limit 14" {
		b.Errorf("of devices it says %q", text)
	}
}

// hintsAtWhatIsHidden demands that a hint stands by every table that does not show all of its columns.
func hintsAtWhatIsHidden(b *tab) {
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	for _, section := range []string{"routes", "upstreams", "connections", "ended"} {
		hidden := evaluate[bool](b, `((section) => {
			const scroll = section.querySelector(".scroll"), box = scroll.getBoundingClientRect();
			return [...scroll.querySelectorAll("thead th")].some((th) => !th.checkVisibility() || th.getBoundingClientRect().right > box.right + 1);
		})(document.getElementById("`+section+`"))`)
		hint := evaluate[bool](b, `document.querySelector("#`+section+` .hinted").checkVisibility()`)
		if hidden && !hint {
			b.Errorf("%s: columns are hidden and nothing says so", section)
		}
	}
	cut := evaluate[[]string](b, `[...document.querySelectorAll(".facts > div, .alarms li, .about p, .hands li, summary, nav a")].filter((node) =>
		node.checkVisibility() && (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline" || node.getBoundingClientRect().right > innerWidth)).map((node) => node.textContent)`)
	if len(cut) > 0 {
		b.Errorf("cut off: %q", cut)
	}
}

func hasRoomForForty(t *testing.T, browser context.Context) {
	b := openTabOf(t, browser, fleetOfSize(40, 400), "/")
	b.until(`document.querySelectorAll("#route-rows tr").length === 40 && document.querySelectorAll("#fine-rows li").length > 30`)
	height := evaluate[float64](b, `document.getElementById("upstreams").getBoundingClientRect().bottom - document.getElementById("routes").getBoundingClientRect().top`)
	if height > 1500 {
		b.Errorf("routes and endpoints are %.0f pixels high", height)
	}
	cut := evaluate[[]string](b, `[...document.querySelectorAll("thead th:not(:has(.hidden)), #route-rows .up .cut")].filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth).map((node) => node.textContent)`)
	if len(cut) > 0 {
		b.Errorf("cut off: %q", cut)
	}
	shown := b.text("#upstreams") // wherever an endpoint is, it is there by its address
	for _, upstream := range answers[api.Upstreams](b, "/upstreams").Upstreams {
		for _, endpoint := range upstream.Endpoints {
			if !strings.Contains(shown, endpoint.Address) {
				b.Errorf("%s is not shown", endpoint.Address)
			}
		}
	}
	expect(b, "cards", len(b.texts(".route")), 0)
	b.click("#fine-rows button")
	b.until(`document.activeElement.closest("#endpoint-rows tr")`)
}

func listsTheWorst(t *testing.T, browser context.Context) {
	f := fleetOfSize(200, 400)
	f.more = []api.Alarm{{Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: "tills-197", Since: f.now(), Text: "route tills-197 is full", Do: "raise its limit"}}
	f.ejected, f.drained = nil, nil
	b := openTabOf(t, browser, f, "/")
	b.until(`document.querySelectorAll("#route-rows tr").length === 60`)
	expect(b, "the worst", b.text(`#route-rows tr [data-is="name"]`), "tills-197")
	expect(b, "count", b.text("#route-count"), "60 of 200, the worst first")
	b.size(390)
	expect(b, "a hint below no table", evaluate[bool](b, `document.querySelector("#upstreams .hinted").checkVisibility()`), false)
	b.size(1280)
	b.click("#more-routes")
	b.until(`document.querySelectorAll("#route-rows tr").length === 200 && location.search === "?all=1"`)
}
