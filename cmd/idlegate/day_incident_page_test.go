package main

import (
	"fmt"
	"strconv"
)

// window works an incident on the status page. That the policy file is written is an editor's work, in which the page has no part.
type window struct {
	*statusPage
	shots int
}

func (i *incident) withPage(path string) *window {
	i.Helper()
	w := &window{statusPage: openPage(i.T, path, i.admin)}
	i.Cleanup(w.checkFaults)
	return w
}

func (w *window) picture(name string) {
	w.Helper()
	w.shots++
	w.shoot(fmt.Sprintf("incident-%d-%s", w.shots, name))
}

// has waits until one of the elements of a selector has all of these parts in its text.
func (w *window) has(selector string, parts ...string) {
	w.Helper()
	list := quotedList(parts)
	w.until(`[...document.querySelectorAll(` + quoted(selector) + `)].some((one) => ` + list + `.every((part) => one.innerText.includes(part)))`)
}

func quotedList(parts []string) string {
	list := "["
	for _, part := range parts {
		list += quoted(part) + ","
	}
	return list + "]"
}

func (w *window) sees(parts ...string) {
	w.Helper()
	w.has("#alarms li", parts...)
	w.has("#verdict", "wrong")
	w.picture("wrong")
}

// allClear does not mind that a timer was late on a busy machine.
func (w *window) allClear() {
	w.Helper()
	w.until(`document.querySelector("#verdict").innerText.includes("wrong") &&
		[...document.querySelectorAll("#alarms li")].every((one) => one.innerText.includes("was acted on"))
		|| document.querySelector("#verdict").innerText === "Nothing is wrong"`)
	w.picture("well")
}

func (w *window) finds(reason string, n int) {
	w.Helper()
	w.choose("#by-reason", reason)
	w.until(fmt.Sprintf(`(() => {
		const rows = [...document.querySelectorAll("#ended-rows tr")];
		return rows.length === %d && rows.every((row) => row.innerText.includes(%s));
	})()`, n, quoted(reason)))
	w.has("#route-rows th[scope=row]", "devices")
	w.picture("ended")
	w.choose("#by-reason", "")
}

// choose picks an option, as one does with the keyboard.
func (w *window) choose(selector, value string) {
	w.Helper()
	w.until(`document.querySelector(` + quoted(selector+` option[value="`+value+`"]`) + `) ||
		[...document.querySelectorAll(` + quoted(selector+" option") + `)].some((one) => one.value === ` + quoted(value) + `)`)
	evaluate[bool](w.statusPage, `(() => {
		const list = document.querySelector(`+quoted(selector)+`);
		list.value = `+quoted(value)+`;
		return list.dispatchEvent(new Event("change", {bubbles: true}));
	})()`)
}

func (w *window) findsDown(endpoint, words string) {
	w.Helper()
	w.has("#endpoint-rows tr", endpoint, "down", words)
}

// planText has the page plan a text that is put into its box.
func (w *window) planText(policy string) {
	w.Helper()
	if !evaluate[bool](w.statusPage, `document.querySelector("#plan-panel").open`) {
		w.press("#plan-panel summary")
	}
	evaluate[bool](w.statusPage, `(() => {
		document.querySelector("#plan-result").replaceChildren();
		document.querySelector("#plan-text").value = `+quoted(policy)+`;
		return true;
	})()`)
	w.press("#plan-form button[type=submit]")
}

func (w *window) planRefused(policy, words string) {
	w.Helper()
	w.planText(policy)
	w.shows("#plan-result", "would be refused", ":13:12", words)
	w.picture("plan-refused")
}

func (w *window) plan(policy string) int {
	w.Helper()
	w.planText(policy)
	w.shows("#plan-result", "would end at once", "policies.patient.long.idle_timeout: 10m -> 10s")
	found := evaluate[string](w.statusPage, `document.querySelector("#plan-result").innerText.match(/(\d+) open connections? would end at once/)?.[1] ?? "none"`)
	n, err := strconv.Atoi(found)
	if err != nil {
		w.Fatalf("the page does not say how many would end at once: %v", err)
	}
	w.picture("planned")
	return n
}

func (w *window) reloadRefused(words string) {
	w.Helper()
	w.press("#reload")
	w.shows("#reload-result", "refused", ":13:12", words)
	w.picture("refused")
}

func (w *window) reload() {
	w.Helper()
	w.press("#reload")
	w.shows("#reload-result", "took over", "policies.patient.long.idle_timeout: 10m -> 10s")
}

func (w *window) hears(kind string, parts ...string) {
	w.Helper()
	w.has("#event-rows li", append([]string{kind}, parts...)...)
}

func (w *window) saysWhyItEnded(id uint64, endpoint string) {
	w.Helper()
	w.press(fmt.Sprintf(`#ended-rows tr[data-key="%d"] [data-is="id"]`, id))
	w.shows("#details-fate", "upstream_reset")
	w.shows("#details-facts", endpoint)
	w.picture("why")
	w.press("#details-leave")
}
