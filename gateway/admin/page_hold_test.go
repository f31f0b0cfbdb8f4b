package admin

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"idlegate/gateway/admin/api"
)

// rows are the ids in the table, from the top.
func (b *tab) rows() string {
	b.Helper()
	return evaluate[string](b, `[...document.querySelectorAll("#connection-rows tr")].map((row) => row.dataset.key).join(" ")`)
}

// rowOf is a selector of the row of an id.
func rowOf(id string) string { return `#connection-rows tr[data-key="` + id + `"]` }

// pointAt moves the mouse to the middle of an element.
func (b *tab) pointAt(selector string) {
	b.Helper()
	at := evaluate[[]float64](b, `((node) => {
		node.scrollIntoView({block: "center", behavior: "instant"});
		const box = node.getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	})(document.querySelector(`+literal(selector)+`))`)
	b.do(chromedp.MouseEvent("mouseMoved", at[0], at[1]))
	b.until(`document.querySelector(` + literal(selector) + `).matches(":hover")`)
}

// loses ends a connection elsewhere, and waits until the page has heard of it.
func (b *tab) loses(id string) {
	b.Helper()
	var n uint64
	if _, err := fmt.Sscan(id, &n); err != nil {
		b.Fatal(err)
	}
	if err := b.fleet.CloseID(b.Context(), n); err != nil {
		b.Fatal(err)
	}
	open := answers[api.Status](b, "/status").Connections
	b.poll()
	b.until(fmt.Sprintf(`document.querySelector("#open").textContent === "%d"`, open))
}

func holdsRowsStill(b *tab) {
	b.pointAt(row(b.first()) + ` [data-is="close"]`)
	before := b.rows()
	ids := strings.Fields(before)
	b.loses(ids[1])
	expect(b, "rows below the pointer", b.rows(), before)
	b.until(`!document.querySelector("#held").hidden`)
	expect(b, "the state of the one that has ended", b.text(rowOf(ids[1])+` [data-is="state"]`), "ended")
	b.shoot("held")
	b.pointAt("#connections-title")
	b.until(`!document.querySelector('#connection-rows tr[data-key="` + ids[1] + `"]')`)
	b.until(`document.querySelector("#held").hidden`)

	before = b.rows()
	b.do(chromedp.Focus(chromedp.CSS(`#connection-rows tr[data-key="` + ids[0] + `"] [data-is="close"]`)))
	b.do(chromedp.KeyEvent(kb.Enter)) // the first press of two
	b.loses(ids[2])
	expect(b, "rows while a button waits for its second press", b.rows(), before)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.poll()
	b.until(`!document.querySelector('#connection-rows tr[data-key="` + ids[2] + `"]')`)
}

func closesWithoutMovingRows(b *tab) {
	before := b.rows()
	id := b.first()
	closing := row(id) + ` [data-is="close"]`
	box := `(({x, y, width, height}) => [x, y, width, height].join(" "))(document.querySelector(` + literal(row(id)) + `).getBoundingClientRect())`
	where := evaluate[string](b, box)
	b.click(closing)
	b.click(closing)
	b.until(`document.querySelector(` + literal(row(id)+".gone") + `) && document.querySelector("#open").textContent === "299"`)
	expect(b, "rows", b.rows(), before)
	expect(b, "its state", b.text(row(id)+` [data-is="state"]`), "ended")
	expect(b, "where it is", evaluate[string](b, box), where)
	b.pointAt("#connections-title")
	b.until(`!document.querySelector(` + literal(row(id)) + `)`)
}

func searchesBelowThePointer(b *tab) {
	b.pointAt(row(b.first()))
	searched := b.rows()[:4]
	b.set("#q", searched)
	b.until(`document.querySelectorAll("#connection-rows tr").length <= 10`)
}
