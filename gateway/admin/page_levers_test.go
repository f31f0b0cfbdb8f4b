package admin

import (
	"errors"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"idlegate/gateway/admin/api"
)

// keys presses one after the other.
func (b *tab) keys(all ...string) {
	b.Helper()
	for _, key := range all {
		b.do(chromedp.KeyEvent(key))
	}
}

// setByHand is what the top of the page lists.
func (b *tab) setByHand() []string {
	b.Helper()
	return b.texts("#hand-rows b")
}

// setsEndpointByHand takes an endpoint down and gives it a weight with the keyboard alone, and undoes both from the top.
func setsEndpointByHand(b *tab) {
	const at = "10.0.1.21:5222"
	endpoint := `#endpoint-rows tr[data-key="chat_servers ` + at + `"] `
	asked := func() []string {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		return slices.Clone(b.fleet.set)
	}
	open := `document.querySelector("#lever").open`
	b.do(chromedp.Focus(chromedp.CSS(endpoint + `[data-is="set"]`)))
	b.keys(kb.Enter)
	b.until(open + ` && document.activeElement.id === "lever-state"`)
	expect(b, "title", b.text("#lever-title"), "Endpoint "+at+" of chat_servers")
	b.keys(kb.Escape)
	b.until("!" + open)
	expect(b, "what was set at Escape", len(asked()), 0)

	b.keys(kb.Enter) // the focus is back on the button
	b.until(open)
	b.keys(kb.ArrowDown, kb.ArrowDown, kb.Tab, "5")
	b.shoot("lever")
	b.keys(kb.Enter)
	b.until("!" + open + ` && document.querySelectorAll("#hand-rows li").length === 2`)
	expect(b, "what was set", asked(), []string{"chat_servers " + at + " {Weight:5 FileWeight:false State:down}"})
	expect(b, "set by hand", b.setByHand(), []string{"endpoint " + at + " of chat_servers is down", "endpoint " + at + " of chat_servers has weight 5"})
	expect(b, "state", b.text(endpoint+`[data-is="state"]`), "down by hand")
	expect(b, "weight", b.text(endpoint+`[data-is="weight"]`), "5")
	expect(b, "notice", b.text("#notice"), at+" by hand: state down, weight 5.")
	expect(b, "focus", evaluate[string](b, "document.activeElement.dataset.is"), "set")

	b.keys(kb.Enter)
	b.until(open)
	expect(b, "state that is set", evaluate[string](b, `document.querySelector("#lever-state").value`), "down")
	b.set("#lever-weight", "500")
	b.click("#lever-form button")
	expect(b, "open with a weight that there is not", evaluate[bool](b, open), true)
	b.set("#lever-weight", "")
	b.click("#lever-form button")
	b.until("!" + open + ` && document.querySelectorAll("#hand-rows li").length === 1`)
	b.click("#hand-rows button")
	b.click("#hand-rows button")
	b.until(`document.querySelector("#by-hand").hidden`)
	expect(b, "state", b.text(endpoint+`[data-is="state"]`), "active")

	b.excuse("409")
	b.excuse("503")
	b.fleet.fail(errors.New("loop 3 does not answer"))
	evaluate[bool](b, `document.querySelector(`+literal(endpoint+`[data-is="set"]`)+`).click(), true`) // the row may be about to move
	b.set("#lever-state", api.ByHandUp)
	b.click("#lever-form button")
	b.until(open + ` && document.querySelector("#lever [role=status]").textContent.includes("loop 3 does not answer")`)
}

// setsLogLevel makes the log say more, and undoes that from the top, and the other way about.
func setsLogLevel(b *tab) {
	level := func() string {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		return b.fleet.level
	}
	shown := `document.querySelector("#log-level").value`
	expect(b, "level at first", evaluate[string](b, shown), "")
	b.set("#log-level", "debug")
	b.count()
	expect(b, "a level that is chosen and not yet set", evaluate[string](b, shown), "debug")
	expect(b, "the fleet's own", level(), "")
	b.click("#log-form button")
	b.until(`document.querySelector("#hand-rows b")?.textContent === "log.level is DEBUG"`)
	expect(b, "the fleet's own", level(), "debug")
	b.click("#hand-rows button")
	b.click("#hand-rows button")
	b.until(`document.querySelector("#by-hand").hidden && ` + shown + ` === ""`)
	expect(b, "the fleet's own", level(), "")
	b.set("#log-level", "error")
	b.click("#log-form button")
	b.until(`document.querySelector("#hand-rows b")?.textContent === "log.level is ERROR"`)
	b.set("#log-level", "warn")
	b.click("#log-form button")
	b.until(`document.querySelector("#hand-rows b")?.textContent === "log.level is WARN"`)
	if label := b.text("#hand-rows button"); !strings.HasSuffix(label, "log.level is WARN") {
		b.Errorf("what the button undoes is %q", label)
	}
}
