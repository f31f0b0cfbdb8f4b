package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"idlegate/gateway/admin/api"
)

// first is the id in the first row of the connections.
func (b *tab) first() uint64 {
	b.Helper()
	id, err := strconv.ParseUint(evaluate[string](b, `document.querySelector("#connection-rows tr").dataset.key`), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// isOpen asks the fleet itself.
func (b *tab) isOpen(id uint64) bool {
	b.fleet.mu.Lock()
	defer b.fleet.mu.Unlock()
	_, err := b.fleet.member(id)
	return err == nil
}

// row is a selector of a connection's.
func row(id uint64) string { return fmt.Sprintf(`#connection-rows tr[data-key="%d"]`, id) }

func closesConnection(b *tab) {
	id := b.first()
	button := row(id) + ` [data-is="close"]`
	b.click(button)
	expect(b, "the button", b.text(button), fmt.Sprintf("Close? yes: connection %d", id))
	b.do(chromedp.KeyEvent(kb.Escape))
	expect(b, "the button after Escape", b.text(button), fmt.Sprintf("Close: connection %d", id))
	b.click(button)
	if !b.isOpen(id) {
		b.Error("closed at the first press")
	}
	b.click(button)
	b.pointAt("#connections-title") // rows hold still below the pointer
	b.until(`!document.querySelector(` + literal(row(id)) + `)`)
	if b.isOpen(id) {
		b.Error("the row has gone, the connection has not")
	}
	b.until(fmt.Sprintf(`document.querySelector("#ended-rows tr").textContent.includes("killed") && document.querySelector("#ended-rows tr").dataset.key === "%d"`, id))
	expect(b, "notice", b.text("#notice"), fmt.Sprintf("Connection %d is closed.", id))
	expect(b, "range", b.text("#range"), "1–50 of 299")
}

func explainsConnection(b *tab) {
	b.excuse("404") // once it has ended
	id := b.first()
	b.click(row(id) + ` [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	explanation := answers[api.Explanation](b, fmt.Sprintf("/connections/%d", id))
	for _, timer := range explanation.Timers {
		want := []string{timer.Timer, timer.From, timer.Standing, timer.Since}
		if timer.Side != "" {
			want = append(want, timer.Timer+" of the "+timer.Side)
		}
		for _, part := range want {
			if !strings.Contains(b.text("#details table"), part) {
				b.Errorf("no %q among the timers: %s", part, b.text("#details table"))
			}
		}
	}
	expect(b, "title", b.text("#details-title"), fmt.Sprintf("Connection %d", id))
	b.shoot("details")
	if err := b.fleet.CloseID(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	b.poll()
	b.until(`document.querySelector("#details-fate").textContent.includes("killed")`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("#details[open]")`)

	b.pointAt("#connections-title")
	b.until(`!document.querySelector(` + literal(row(id)) + `)`)
	b.click(row(b.first()) + ` [data-is="id"]`)
	b.until(`document.querySelector("#details[open] tbody tr")`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`document.activeElement.dataset.is === "id"`) // back where it was opened
}

func reloadsPolicy(b *tab) {
	b.click("#reload")
	b.until(`document.querySelector("#notice").textContent.includes("1 change, generation 8")`)
	b.until(`document.querySelector("#generation").textContent === "8"`)
	reload := answers[api.Status](b, "/status").Config.LastReload
	told := b.texts("#reload-result .changes:first-of-type li")
	all := slices.Concat(reload.Changes, reload.Pending)
	if len(told) != len(all) {
		b.Fatalf("told are %q, want %d changes and what waits for a restart", told, len(reload.Changes))
	}
	for i, change := range told {
		if pending := strings.HasSuffix(change, "at the next start"); !strings.HasPrefix(change, all[i].Text) || pending != (i >= len(reload.Changes)) {
			b.Errorf("change %d is %q, want %q", i, change, all[i].Text)
		}
	}
	expect(b, "warnings", b.texts("#reload-result .changes .warn, #reload-result li.warn"), reload.Warnings)
	expect(b, "focus", evaluate[string](b, "document.activeElement.id"), "reload")
}

func showsPending(b *tab) {
	expect(b, "hidden at first", evaluate[bool](b, `document.querySelector("#pending").hidden`), true)
	b.click("#reload")
	b.until(`!document.querySelector("#pending").hidden`)
	const waits = "Waits for a restart: gateway.loops is 4, was 2, from the next start on"
	expect(b, "what waits", b.text("#pending"), waits)
	b.excuse("422")
	b.fleet.breakFile(true)
	b.click("#reload")
	b.until(`document.querySelector("#reload-panel.refused pre")`)
	expect(b, "what waits, after a file that was refused", b.text("#pending"), waits)
	b.fleet.takeBack()
	b.poll()
	b.until(`document.querySelector("#pending").hidden`)
}

func showsOffendingLine(b *tab) {
	b.excuse("422")
	b.fleet.breakFile(true)
	b.click("#reload")
	b.until(`document.querySelector("#reload-panel.refused pre")`)
	problem := answers[api.Status](b, "/status").Config.LastReload.Problems[0]
	expect(b, "place", b.text(".problem .code"), fmt.Sprintf("%s:%d:%d", problem.File, problem.Line, problem.Column))
	lines := strings.Split(b.text(".source"), "\n")
	expect(b, "source", lines[0], fmt.Sprintf("%d │ %s", problem.Line, problem.Source))
	at := len([]rune(lines[1])) - 2 // the mark has two characters, and is the last on its line
	expect(b, "what the mark is below", string([]rune(lines[0])[at:]), "90")
	expect(b, "what is marked", b.text(".source mark"), "90")
	if text := b.text("#reload-result"); !strings.Contains(text, problem.Text) || !strings.Contains(text, "Generation 7 stays in force") {
		b.Errorf("the panel says %q", text)
	}
	if notice := b.text("#notice"); !strings.Contains(notice, "idlegate.yaml:14:21") {
		b.Errorf("the notice says %q", notice)
	}
	b.shoot("refused")
	b.click("#dismiss")
	b.until(`document.querySelector("#notice-box").hidden`)
	b.fleet.breakFile(false)
	b.click("#reload")
	b.until(`!document.querySelector("#reload-panel.refused")`)
}

func showsEjectedEndpoint(b *tab) {
	const state = `#endpoint-rows tr[data-key="device_servers 10.0.0.12:9000"] [data-is="state"]`
	b.until(`document.querySelector('` + state + `').textContent === "ejected"`)
	expect(b, "its mark", evaluate[string](b, `document.querySelector('`+state+`').className`), "mark bad")
	expect(b, "what is known", b.text(`#endpoint-rows tr[data-key="device_servers 10.0.0.12:9000"] [data-is="detail"]`), "connection refused, 3 times in a row; to be probed in 10s")
}

func drainsEndpoint(b *tab) {
	const endpoint = `#endpoint-rows tr[data-key="chat_servers 10.0.1.21:5222"] `
	state := `document.querySelector('` + endpoint + `[data-is="state"]').textContent`
	drained := func() bool {
		b.fleet.mu.Lock()
		defer b.fleet.mu.Unlock()
		return b.fleet.drained["10.0.1.21:5222"]
	}
	expect(b, "state", evaluate[string](b, state), "active")
	b.click(endpoint + "button")
	if drained() {
		b.Error("drained at the first press")
	}
	b.click(endpoint + "button")
	b.until(state + ` === "draining"`)
	if !drained() {
		b.Error("the page says draining, the fleet does not")
	}
	b.click(endpoint + "button")
	expect(b, "the button", b.text(endpoint+"button"), "Undrain? yes: endpoint 10.0.1.21:5222 of chat_servers")
	b.click(endpoint + "button")
	b.until(state + ` === "active"`)
	if drained() {
		b.Error("the page says active, the fleet does not")
	}
}

// obeysKeyboard goes from the top of the page to the close button of the first row with Tab and Enter only.
func obeysKeyboard(b *tab) {
	press := func(key string) string {
		b.Helper()
		b.do(chromedp.KeyEvent(key))
		return evaluate[string](b, `(() => {
			const on = document.activeElement, style = getComputedStyle(on);
			if (on === document.body || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "unseen " + on.outerHTML;
			return on.className === "skip" ? "skip" : on.dataset.is ?? on.id ?? "";
		})()`)
	}
	if at := press(kb.Tab); at != "skip" {
		b.Fatalf("Tab leads to %q first, want the link that skips to the connections", at)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.id === "connections"`)
	id := b.first()
	var way []string
	for at := ""; at != "close"; way = append(way, at) {
		if at = press(kb.Tab); strings.HasPrefix(at, "unseen") || len(way) > 25 {
			b.Fatalf("Tab leads to %q, after %q", at, way)
		}
	}
	expect(b, "row", evaluate[string](b, `document.activeElement.closest("tr").dataset.key`), strconv.FormatUint(id, 10))
	b.do(chromedp.KeyEvent(kb.Enter))
	expect(b, "spoken", b.text("#spoken"), fmt.Sprintf("Close? yes: connection %d: press once more", id))
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`!document.querySelector(` + literal(row(id)) + `)`)
	if b.isOpen(id) {
		b.Error("the row has gone, the connection has not")
	}
	expect(b, "focus", evaluate[string](b, `document.activeElement.dataset.is + " of row " + [...document.querySelectorAll("#connection-rows tr")].indexOf(document.activeElement.closest("tr"))`),
		"close of row 0")
}

// keepsFocus makes the rows change their order below the focus.
func keepsFocus(b *tab) {
	id := b.first()
	b.do(chromedp.Focus(chromedp.CSS(row(id) + ` [data-is="close"]`)))
	b.do(chromedp.KeyEvent(kb.Enter)) // the first press of two
	alike := strconv.FormatUint(id, 10)[:4]
	b.set("#q", alike)
	b.until(`document.querySelectorAll("#connection-rows tr").length <= 10`)
	for _, sort := range []string{"id", "-id", "id"} {
		evaluate[bool](b, `document.querySelector('th[data-sort="id"] button').click(), true`)
		ids := each(answers[api.Connections](b, "/connections?sort="+sort+"&q="+alike).Connections, func(c api.Connection) string { return strconv.FormatUint(c.ID, 10) })
		b.until(`[...document.querySelectorAll("#connection-rows tr")].map((row) => row.dataset.key).join(" ") === ` + literal(strings.Join(ids, " ")))
		expect(b, "focus", evaluate[string](b, `document.activeElement.textContent`), fmt.Sprintf("Close? yes: connection %d", id))
	}
}

// tellsThatItHasEnded asks for the details of a connection that has ended since the table was drawn.
func tellsThatItHasEnded(b *tab) {
	b.excuse("404")
	id := b.first()
	b.pointAt(row(id)) // so that it holds still
	if err := b.fleet.CloseID(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	b.click(row(id) + ` [data-is="id"]`)
	b.until(`document.querySelector("#details[open]") && document.querySelector("#details-fate").textContent.includes("killed")`)
}
