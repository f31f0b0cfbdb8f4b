package admin

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

// held is what the page keeps in the browser once what it has let go is collected, by the names of the browser's own metrics.
func (b *tab) held() map[string]float64 {
	b.Helper()
	for range 2 { // what hangs on what was collected first
		if _, err := chromedp.Call(b.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			b.Fatal(err)
		}
	}
	result, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		b.Fatal(err)
	}
	all := make(map[string]float64)
	for _, metric := range result.Metrics {
		all[metric.Name] = metric.Value
	}
	return all
}

// lastsForHours has connections end and come, endpoints fail and come back, and policies change, thousands of times, and compares what
// the page keeps then with what it kept after the first of them.
func lastsForHours(b *tab) {
	if _, err := chromedp.Call(b.ctx, performance.Enable, performance.EnableParams{}); err != nil {
		b.Fatal(err)
	}
	began := b.fleet.now()
	events := 0
	use := func(rounds int) {
		for range rounds {
			b.fleet.mu.Lock()
			now := began.Add(time.Duration(events) * time.Second)
			b.fleet.now = func() time.Time { return now }
			b.fleet.settle()
			b.fleet.ejected = map[string]bool{"10.0.0.12:9000": events%2 == 0}
			b.fleet.config.Generation++
			for range 10 {
				events++
				b.fleet.say(api.Event{Kind: api.EventHealth, At: now, Health: &api.HealthEvent{Change: "down", Upstream: fmt.Sprint("upstream ", events)}})
				b.fleet.say(api.Event{Kind: api.EventEnded, At: now, Ended: &api.Ended{ID: uint64(events), Route: "chat", Reason: "killed", EndedAt: now}})
			}
			b.fleet.mu.Unlock()
			b.until(fmt.Sprintf(`document.querySelector("#event-rows .words")?.textContent.includes("upstream %d:")`, events))
			evaluate[bool](b, "performance.clearResourceTimings(), true") // the browser keeps 250
			b.count()
		}
	}
	use(10)
	before := b.held()
	use(40)
	after := b.held()
	for name, most := range map[string]float64{"JSHeapUsedSize": 1 << 20, "Nodes": 300, "JSEventListeners": 100} {
		b.Logf("%s: %.0f, then %.0f", name, before[name], after[name])
		if before[name] == 0 || after[name]-before[name] > most {
			b.Errorf("%s grew from %.0f to %.0f, want %.0f more at most", name, before[name], after[name], most)
		}
	}
}

// takesTypingAmongMany types into a field, key by key, while the rows of 200 routes are drawn again and again.
func takesTypingAmongMany(t *testing.T, browser context.Context) {
	b := openTabOf(t, browser, fleetOfSize(200, 9000), "/?all=1")
	b.until(`document.querySelectorAll("#route-rows tr").length === 200`)
	b.do(chromedp.Focus(chromedp.CSS("#q")))
	const word = "tills-197"
	for i := range len(word) {
		b.poll()
		b.do(chromedp.KeyEvent(word[i : i+1]))
	}
	b.until(`document.querySelector("#range").textContent === "1–45 of 45" && document.querySelectorAll("#connection-rows tr").length === 45`)
	expect(b, "what was typed", evaluate[string](b, `document.activeElement.id + " " + document.querySelector("#q").value`), "q "+word)
	expect(b, "address", b.search(), "?q="+word+"&all=1")
	b.set("#q", "")
	b.click(`#route-rows tr:nth-child(150) [data-is="fold"]`)
	b.until(`document.querySelector(".route .legend li b")`)
	before := evaluate[float64](b, "scrollY")
	b.count()
	b.count()
	expect(b, "where it has scrolled to", evaluate[float64](b, "scrollY"), before)
}
