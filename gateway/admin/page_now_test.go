package admin

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

// saysWhatIsWrong has things go wrong and be mended.
func saysWhatIsWrong(b *tab) {
	expect(b, "verdict", b.text("#verdict"), "1 thing is wrong")
	b.fleet.mu.Lock()
	failing(b.fleet)
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#verdict").textContent === "7 things are wrong"`)
	alarms := answers[api.Status](b, "/status").Alarms
	for _, member := range []struct {
		selector string
		want     func(api.Alarm) string
	}{
		{"#alarms .mark", func(a api.Alarm) string { return a.Text }},
		{"#alarms .cure", func(a api.Alarm) string { return a.Do }},
	} {
		expect(b, member.selector, b.texts(member.selector), each(alarms[:5], member.want))
	}
	if since := b.text("#alarms li:nth-child(1) .since"); !strings.HasSuffix(since, "for 4 m") {
		b.Errorf("the upstream has no endpoint %q", since)
	}
	b.click("#more-alarms")
	b.until(fmt.Sprintf(`document.querySelectorAll("#alarms li").length === %d`, len(alarms)))
	title := evaluate[string](b, "document.title")
	if !strings.HasPrefix(title, "7 wrong · ") {
		b.Errorf("the title is %q", title)
	}
	b.fleet.mu.Lock()
	b.fleet.more, b.fleet.ejected = nil, nil
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#verdict").textContent === "Nothing is wrong" && document.querySelector("#now").dataset.worst === "good"`)
	expect(b, "alarms", len(b.texts("#alarms li")), 0)
}

// undoesWhatIsSetByHand stops a route by the button of its card, and starts it again from the top.
func undoesWhatIsSetByHand(b *tab) {
	stopped := func() string {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		return b.fleet.stopped["chat"]
	}
	const stop = `.route[data-route="chat"] [data-is="stop"]`
	expect(b, "set by hand at first", evaluate[bool](b, `document.querySelector("#by-hand").hidden`), true)
	b.click(stop)
	expect(b, "the button", b.text(stop), "Stop? yes: route chat")
	if stopped() != "" {
		b.Error("stopped at the first press")
	}
	b.click(stop)
	b.until(`document.querySelector("#hand-rows b")?.textContent === "route chat takes no clients"`)
	expect(b, "the fleet's own", stopped(), "stop")
	if text := b.text("#hand-rows li"); !strings.Contains(text, "for 1 m 30 s") || !strings.Contains(text, "idlegate route start chat") {
		b.Errorf("set by hand is %q", text)
	}
	b.until(`document.querySelector('tr[data-key="chat"] [data-is="state"]').textContent === "stopped by hand"`)
	b.click("#hand-rows button")
	b.click("#hand-rows button")
	b.until(`document.querySelector("#by-hand").hidden`)
	expect(b, "the fleet's own", stopped(), "")
	expect(b, "the button", b.text(stop), "Stop: route chat")
}

// saysWhoItIs puts the gateway in another time zone than the browser.
func saysWhoItIs(b *tab) {
	expect(b, "host", b.text("#host"), "gate-1")
	expect(b, "version", b.text("#version"), "v0.4.0")
	expect(b, "time zone", b.text("#zone"), "UTC")
	b.fleet.mu.Lock()
	at := time.Now().In(time.FixedZone("", 5*3600+1800))
	b.fleet.now = func() time.Time { return at }
	b.fleet.config.LoadedAt = at.Add(-time.Minute)
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#loaded").textContent.startsWith(` + literal("since "+at.Add(-time.Minute).Format(time.TimeOnly)) + `)`)
}

func saysHowOldItIs(b *tab) {
	b.excuse("net::ERR_")
	b.shutDown()
	b.poll()
	b.until(`document.querySelector("#age").textContent.match(/^It is \d+ s old\.$/)`)
	first := evaluate[float64](b, `parseInt(document.querySelector("#age").textContent.slice(6))`)
	b.until(fmt.Sprintf(`parseInt(document.querySelector("#age").textContent.slice(6)) >= %g`, first+2))
	if evaluate[float64](b, `document.querySelector("#gone").getBoundingClientRect().top`) > 60 {
		b.Error("it is not to be seen where one has scrolled to")
	}
}

// showsAViewerNoButtons opens the page with the viewer's token.
func showsAViewerNoButtons(b *tab) {
	b.shutDown()
	b.excuse("net::ERR_")
	b.excuse("401")
	b.config = func(c *Config) {
		c.Token = func() (string, error) { return "operator's", nil }
		c.Viewer = func() (string, error) { return "viewer's", nil }
	}
	b.serve(b.address)
	headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Authorization": "Bearer viewer's"}}
	if _, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, headers); err != nil {
		b.Fatal(err)
	}
	b.do(chromedp.Reload())
	b.until(`document.querySelector("#contact").textContent === "live" && document.querySelector("#route-rows tr")`)
	b.seeConnections()
	if !evaluate[bool](b, `document.querySelector("#viewer").checkVisibility()`) {
		b.Error("it does not say that one may look only")
	}
	shown := evaluate[[]string](b, `[...document.querySelectorAll("button")].filter((button) => button.checkVisibility()).map((button) => button.textContent)`)
	for _, label := range shown {
		for _, deed := range []string{"Close", "Drain", "Undrain", "Stop", "Set", "Undo", "Reload", "Back to"} {
			if strings.HasPrefix(label, deed) {
				b.Errorf("a viewer is shown %q", label)
			}
		}
	}
	expect(b, "the level of the log cannot be chosen", evaluate[bool](b, `document.querySelector("#log-level").disabled`), true)
	evaluate[bool](b, `document.getElementById("plan-panel").open = true`) // a plan changes nothing
	b.set("#plan-text", "routes: []")
	b.click("#plan-form button")
	b.until(`document.querySelector("#plan-result table")`)
}

// asksForLittle counts what ten seconds of looking at the top of the page cost the gateway.
func asksForLittle(b *tab) {
	evaluate[bool](b, `scrollTo({top: 0, behavior: "instant"}), true`)
	lists := func() int {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		return b.fleet.lists
	}
	b.until(`document.getElementById("connections").getBoundingClientRect().top > innerHeight + 300`)
	b.count() // the last round that may have begun while they were in view
	b.count() // it is over
	before := lists()
	calls := b.callsOf(func() {
		for range 4 {
			b.poll()
			b.count()
		}
	})
	expect(b, "listings of connections while they are out of view", lists(), before)
	for _, call := range calls {
		if strings.Contains(call, "/history") && !strings.Contains(call, "minutes=") || strings.Contains(call, "/ended") || strings.Contains(call, "/policies") {
			b.Errorf("it asks for %s though it has it", call)
		}
	}
	evaluate[bool](b, `window.answeredAt = performance.now(), true`)
	b.seeConnections()
	b.until(`performance.getEntriesByType("resource").some((one) => one.name.includes("/connections?") && one.startTime >= window.answeredAt)`)
}

// count waits until a round has been answered that began after it was called.
func (b *tab) count() {
	b.Helper()
	evaluate[bool](b, `window.answeredAt = performance.now(), true`)
	b.poll()
	b.until(`performance.getEntriesByType("resource").some((one) => one.name.endsWith("/status") && one.startTime >= window.answeredAt && one.responseEnd > 0)`)
}

// callsOf gives the addresses that the page asks for while something is done.
func (b *tab) callsOf(deed func()) []string {
	b.Helper()
	b.mu.Lock()
	from := len(b.requests)
	b.mu.Unlock()
	deed()
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.requests[from:]...)
}
