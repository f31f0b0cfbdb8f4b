package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"idlegate/gateway/admin/api"
)

// opensWhatIsDamaged opens addresses that were cut or mistyped on their way.
func opensWhatIsDamaged(t *testing.T, browser context.Context) {
	for _, one := range []struct{ at, says string }{
		{"/?open=%25,devices&page=-3", ""},
		{"/?open=%2525E&page=one", ""},
		{"/?reason=no_such_reason", "no_such_reason"},
		{"/?route=no_such_route", "no_such_route"},
	} {
		b := openTabOf(t, browser, fakeFleet(), one.at)
		b.excuse("status of 40") // what the browser says of the calls that name nothing
		evaluate[bool](b, `document.getElementById("connections").scrollIntoView({behavior: "instant"}), true`)
		if !strings.Contains(one.at, "route=") {
			b.until(`document.querySelector("#range").textContent === "1–50 of 300"`)
		}
		if one.says != "" {
			b.until(`document.querySelector("#none-ended").checkVisibility() && document.querySelector("#none-ended").textContent.includes(` + literal(one.says) + `)`)
		}
		b.count()
		expect(b, one.at, b.text("#contact"), "live")
	}
}

// showsWhereItWasSentTo has the part of the page in view that the address names, though what is above it is drawn later.
func showsWhereItWasSentTo(t *testing.T, browser context.Context) {
	b := openTabOf(t, browser, fleetOfSize(40, 400), "/?route=chat#connections")
	b.until(`document.querySelector("#connection-rows tr") && document.querySelectorAll("#fine-rows li").length > 30`)
	b.count()
	if top := evaluate[float64](b, `document.getElementById("connections").getBoundingClientRect().top`); top < 0 || top > 300 {
		b.Errorf("the connections begin %.0f pixels below the top of the window", top)
	}
}

// keepsUpWithARestart has another gateway answer, whose first generation has other timers.
func keepsUpWithARestart(b *tab) {
	expect(b, "it asks to be loaded again", evaluate[bool](b, `document.querySelector("#renewed").checkVisibility()`), false)
	evaluate[bool](b, `document.getElementById("policies-panel").open = true`)
	b.until(`document.querySelector("#policies-body table")`)
	b.fleet.mu.Lock()
	b.fleet.version, b.fleet.started = "v0.5.0", b.fleet.now()
	b.fleet.config.LoadedAt = b.fleet.now()
	b.fleet.idle = 45 * time.Second
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#policies-body").textContent.includes("idle_timeout 45 s")`)
	b.until(`document.querySelector("#renewed").checkVisibility()`)
	expect(b, "where its link leads", evaluate[string](b, `document.querySelector("#renewed a").href`), "http://"+b.address+"/"+b.search())
}

// keepsWhatItWasNotTold has the gateway answer everything but one call.
func keepsWhatItWasNotTold(b *tab) {
	b.excuse("503")
	const dots = `document.querySelectorAll('tr[data-key="devices"] .dot').length`
	expect(b, "endpoints of devices", evaluate[int](b, dots), 3)
	b.fleet.mu.Lock()
	b.fleet.noUpstreams = errors.New("loop 3 does not answer")
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`!document.querySelector("#gone").hidden`)
	expect(b, "endpoints of devices", evaluate[int](b, dots), 3)
}

// listsTwinsOnce draws a list with two items of one key again and again.
func listsTwinsOnce(b *tab) {
	texts := evaluate[[]string](b, `import("/dom.js").then(({keyed, put}) => {
		const list = document.createElement("ul"), twins = [{key: 1, text: "a"}, {key: 1, text: "b"}, {key: 2, text: "c"}];
		for (let i = 0; i < 3; i++) keyed(list, twins, (one) => one.key, () => ({node: document.createElement("li")}), (parts, one) => put(parts.node, one.text));
		return [...list.children].map((node) => node.textContent);
	})`)
	expect(b, "items", texts, []string{"a", "b", "c"})
}

// leavesSelectionAlone selects what one copies from the details of a connection while they are asked for again.
func leavesSelectionAlone(b *tab) {
	id := b.first()
	b.click(row(id) + ` [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	for _, place := range []string{"#details-facts dd", "#details-timers th"} {
		evaluate[bool](b, `getSelection().selectAllChildren(document.querySelector(`+literal(place)+`)), true`)
		selected := evaluate[string](b, "String(getSelection())")
		b.count()
		b.count()
		if again := evaluate[string](b, "String(getSelection())"); again != selected || selected == "" {
			b.Errorf("%s: %q was selected, now %q", place, selected, again)
		}
	}
}

// holdsEndpointsStill points at the button of an endpoint while another becomes the worst.
func holdsEndpointsStill(b *tab) {
	const keys = `[...document.querySelectorAll("#endpoint-rows tr")].map((row) => row.dataset.key)`
	before := evaluate[[]string](b, keys)
	b.pointAt("#endpoint-rows tr:nth-child(3) button")
	b.fleet.mu.Lock()
	b.fleet.ejected = map[string]bool{"10.0.1.22:5222": true}
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector('#endpoint-rows tr[data-key="chat_servers 10.0.1.22:5222"] [data-is="state"]').textContent === "ejected"`)
	expect(b, "endpoints below the pointer", evaluate[[]string](b, keys), before)
	b.pointAt("#upstreams-title")
	b.until(keys + `[0] === "chat_servers 10.0.1.22:5222"`)
}

// holdsFilterStill has a button come and go among the fields.
func holdsFilterStill(b *tab) {
	const top = `document.querySelector("table.connections").getBoundingClientRect().top + scrollY`
	before := evaluate[float64](b, top)
	expect(b, "the fields and the pages are on one line", evaluate[bool](b, `document.querySelector("#filter").clientHeight < 40`), true)
	b.set("#by-route", "chat")
	b.until(`document.querySelector("#range").textContent === "1–50 of 60" && document.querySelector("#clear").checkVisibility()`)
	expect(b, "top of the table", evaluate[float64](b, top), before)
}

// hasTheGatewaysTime hears of something before it knows in which time zone the gateway is.
func hasTheGatewaysTime(b *tab) {
	at := b.fleet.now().Add(-time.Minute)
	b.fleet.mu.Lock()
	b.fleet.say(api.Event{Kind: api.EventHealth, At: at, Health: &api.HealthEvent{Change: "down", Upstream: "chat_servers", Endpoint: "10.0.1.21:5222"}})
	b.fleet.mu.Unlock()
	b.until(`document.querySelector("#event-rows time")`)
	ended := answers[api.Endings](b, "/ended?limit=1").Ended[0].EndedAt
	zone := time.FixedZone("", 5*3600+1800)
	b.fleet.mu.Lock()
	now := b.fleet.now().In(zone)
	b.fleet.now = func() time.Time { return now }
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#event-rows time").textContent.endsWith(` + literal(at.In(zone).Format(time.TimeOnly)) + `)`)
	b.until(`document.querySelector('#ended-rows [data-is="at"]').textContent.endsWith(` + literal(ended.In(zone).Format(time.TimeOnly)) + `)`)
}

// longNames are as long as names in the file and from the network get.
func longNames(f *fleet) {
	long := strings.Repeat("very_long.", 12) + "name"
	for i := range f.routes {
		f.routes[i].name += "-" + long
		f.routes[i].upstream += "-" + long
		f.routes[i].policy += long
		f.routes[i].endpoints = each(f.routes[i].endpoints, func(at string) string { return long + "." + at })
	}
	for _, m := range f.open {
		m.route.name += "-" + long
		m.endpoint, m.client = long+"."+m.endpoint, "[2001:db8:1111:2222:3333:4444:5555:6666%ens192]:65535"
	}
	for i := range f.ended {
		f.ended[i].Route, f.ended[i].Endpoint = f.routes[0].name, f.routes[0].endpoints[0]
	}
	f.host, f.version = long, "v0.5.0-rc.1-0.20261126093914-abcdef0123456789+dirty"
	f.more = []api.Alarm{{Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: f.routes[0].name, Since: f.now(), Text: "route " + f.routes[0].name + " is full", Do: "idlegate close --route " + f.routes[0].name}}
	f.stopped[f.routes[1].name] = "stop"
	f.config.File = "/etc/" + long
}

// holdsLongNames looks for what is wider than the window, or lies over something else.
func holdsLongNames(t *testing.T, browser context.Context) {
	f := fakeFleet()
	longNames(f)
	b := openTabOf(t, browser, f, "/?open="+f.routes[0].name)
	evaluate[bool](b, `document.getElementById("connections").scrollIntoView({behavior: "instant"}), true`)
	b.until(`document.querySelector("#connection-rows tr") && document.querySelector("#hand-rows li")`)
	b.click(`#connection-rows [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	for _, width := range []int64{1280, 1024, 800, 390} {
		b.size(width)
		b.shootWholeIfWanted(fmt.Sprintf("long-%d", width))
		if got := evaluate[int64](b, "document.scrollingElement.scrollWidth"); got > width {
			b.Errorf("in a window of %d pixels the page has %d", width, got)
		}
		out := evaluate[[]string](b, `[...document.querySelectorAll("h1, nav, .contact, .panel p, .panel li, .panel b, .facts dd, .card p, dialog dd, .title, .filter, .fine, button")].filter((node) => {
			const box = node.getBoundingClientRect(), frame = node.closest(".scroll, dialog")?.getBoundingClientRect();
			return node.checkVisibility() && box.width > 0 && !node.closest("td, .scroll table") && (box.right > innerWidth + 1 || frame && box.right > frame.right + 1);
		}).map((node) => node.tagName + "." + node.className + " " + node.textContent.slice(0, 60))`)
		if len(out) > 0 {
			b.Errorf("in a window of %d pixels these reach out of it: %q", width, out)
		}
		over := evaluate[[]string](b, `(() => {
			const boxes = [...document.querySelectorAll("h1, nav a, .contact")].filter((node) => node.checkVisibility()).map((node) => [node.textContent, node.getBoundingClientRect()]);
			return boxes.flatMap(([text, a], i) => boxes.slice(i + 1).filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1).map(([other]) => text + " / " + other));
		})()`)
		if len(over) > 0 && width > 640 {
			b.Errorf("in a window of %d pixels these overlap: %q", width, over)
		}
	}
}
