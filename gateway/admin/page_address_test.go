package admin

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

// search is the part of the address that says what is looked for.
func (b *tab) search() string {
	b.Helper()
	return evaluate[string](b, "location.search")
}

func keepsAddress(b *tab) {
	const open = "?open=devices,chat,tills"
	range1 := `document.querySelector("#range").textContent === `
	b.set("#by-route", "chat")
	b.until(range1 + `"1–50 of 60"`)
	expect(b, "address", b.search(), "?route=chat&open=devices,chat,tills")
	b.set("#by-endpoint", "10.0.1.21:5222")
	n := answers[api.Connections](b, "/connections?route=chat&endpoint=10.0.1.21:5222").Total
	b.until(range1 + literal("1–"+itoa(uint64(n))+" of "+itoa(uint64(n))))
	b.set("#by-state", "open")
	b.set("#by-idle", "10s")
	evaluate[bool](b, `document.querySelector("#by-idle").dispatchEvent(new Event("change"))`)
	b.set("#by-reason", "idle_timeout")
	b.until(`location.search.includes("reason=idle_timeout") && [...document.querySelectorAll("#ended-rows tr")].every((row) => row.textContent.includes("idle_timeout") && row.textContent.includes("chat"))`)
	expect(b, "address", b.search(), "?route=chat&endpoint=10.0.1.21:5222&state=open&idle=10s&reason=idle_timeout&open=devices,chat,tills")
	b.until(`document.querySelectorAll("#connection-rows tr").length === ` + itoa(uint64(answers[api.Connections](b, "/connections?route=chat&endpoint=10.0.1.21:5222&state=open&idle=10s").Total)))

	back := func() { evaluate[bool](b, "history.back(), true") }
	back()
	b.until(`!location.search.includes("reason") && document.querySelector("#by-reason").value === ""`)
	for range 4 {
		back()
	}
	b.until(`location.search === ` + literal(open))
	b.until(range1 + `"1–50 of 300"`)
	expect(b, "route chosen", evaluate[string](b, `document.querySelector("#by-route").value`), "")
	evaluate[bool](b, "history.forward(), true")
	b.until(range1 + `"1–50 of 60"`)
	expect(b, "route chosen", evaluate[string](b, `document.querySelector("#by-route").value`), "chat")
	b.click("#clear")
	b.until(range1 + `"1–50 of 300"`)
	expect(b, "address", b.search(), open)
}

func refusesFilter(b *tab) {
	b.excuse("400")
	b.set("#by-idle", "soon")
	evaluate[bool](b, `document.querySelector("#by-idle").dispatchEvent(new Event("change"))`)
	b.until(`document.querySelector("#filter-error").checkVisibility() && document.querySelector("#filter-error").textContent.includes("soon")`)
	expect(b, "the gateway is there", b.text("#contact"), "live")
	b.click("#clear")
	b.until(`document.querySelector("#filter-error").hidden && document.querySelectorAll("#connection-rows tr").length === 50`)
}

func leadsToConnections(b *tab) {
	b.click(`tr[data-key="tills"] [data-is="connections"]`)
	b.until(`document.querySelector("#range").textContent === "1–20 of 20" && document.activeElement.id === "connections"`)
	expect(b, "address", b.search(), "?route=tills&open=devices,chat,tills")
	b.click(`tr[data-key="devices"] [data-is="fold"]`)
	b.until(`!document.querySelector('.route[data-route="devices"]') && location.search === "?route=tills&open=chat,tills"`)
	b.do(chromedp.Reload())
	b.until(`document.querySelector('.route[data-route="chat"]') && document.querySelector("#by-route").value === "tills"`)
}

func opensAsSent(t *testing.T, browser context.Context) {
	b := openTabOf(t, browser, fakeFleet(), "/?route=chat&sort=-age&page=2&reason=client_fin#connections")
	b.until(`document.querySelector("#range").textContent === "51–60 of 60"`)
	want := answers[api.Connections](b, "/connections?route=chat&sort=-age&offset=50&limit=50")
	expect(b, "ids", strings.Fields(b.rows()), each(want.Connections, func(c api.Connection) string { return itoa(c.ID) }))
	b.until(`document.querySelectorAll("#ended-rows tr").length > 0 && [...document.querySelectorAll("#ended-rows tr")].every((row) => row.textContent.includes("client_fin") && row.textContent.includes("chat"))`)
	expect(b, "cards", len(b.texts(".route")), 0)
}
