package admin

import (
	"fmt"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

func plansEdit(b *tab) {
	b.excuse("422")
	evaluate[bool](b, `document.getElementById("plan-panel").open = true`)
	b.click("#plan-form button")
	b.until(`document.querySelector("#plan-result").textContent.startsWith("Paste the edited file first")`)
	text := "routes: []\n# more"
	b.set("#plan-text", text)
	b.click("#plan-form button")
	b.until(`document.querySelector("#plan-result table")`)
	b.fleet.mu.Lock()
	expect(b, "what was planned", b.fleet.plans, []string{text})
	b.fleet.mu.Unlock()
	head := fmt.Sprintf("1 change would take over. %d open connections would end at once within 2 s, 0 more within the hour.", len(text))
	expect(b, "what it would do", b.text("#plan-result b"), head)
	expect(b, "of devices", b.texts("#plan-result tbody tr > *"), []string{"devices", "kept", "220", fmt.Sprint(len(text)), fmt.Sprintf("idle_timeout %d", len(text)), "0", ""})
	expect(b, "generation, which a plan leaves", b.text("#generation"), "7")
	b.click("#plan-own")
	b.until(`document.querySelector("#plan-result b").textContent.includes("No open connection would end.")`)
	b.fleet.breakFile(true)
	b.click("#plan-form button")
	b.until(`document.querySelector("#plan-result.refused .source mark")?.textContent === "90"`)
	b.click("#plan-fill")
	b.until(`document.querySelector("#plan-text").value.startsWith("policies:")`)
}

func goesBack(b *tab) {
	b.click("#previous-policy")
	expect(b, "generation at the first press", b.text("#generation"), "7")
	b.click("#previous-policy")
	b.until(`document.querySelector("#generation").textContent === "8"`)
	expect(b, "notice", b.text("#notice"), "The policy before is in force again: 1 change, generation 8 is in force.")
}

func showsPolicies(b *tab) {
	evaluate[bool](b, `document.getElementById("policies-panel").open = document.getElementById("effective-panel").open = document.getElementById("advice-panel").open = true`)
	b.until(`document.querySelector("#policies-body table") && document.querySelector("#effective-body pre") && document.querySelector("#advice-body pre")`)
	policies := b.text("#policies-body tbody")
	for _, part := range []string{"idle_timeout 1 m 30 s, dry run 30 s idlegate.yaml:14", "message_timeout 10 s default", "chats", "of its own"} {
		if !strings.Contains(policies, part) {
			b.Errorf("no %q among the policies: %s", part, policies)
		}
	}
	effective := answers[api.Effective](b, "/config")
	expect(b, "effective file", b.text("#effective-body pre"), effective.YAML)
	expect(b, "warnings", b.texts("#effective-body li"), effective.Warnings)
	for i, advice := range answers[api.Advices](b, "/advice").Advices[:2] {
		at := fmt.Sprintf("#advice-body article:nth-child(%d) ", i+1)
		expect(b, "advice to paste", b.text(at+"pre"), advice.YAML)
		expect(b, "reasons", b.texts(at+"li"), advice.Reasons)
	}
	b.click("#advice-body .copy")
	b.until(`["Copied", "Selected"].includes(document.querySelector("#advice-body .copy").firstChild.textContent)`)
	if evaluate[string](b, `document.querySelector("#advice-body .copy").firstChild.textContent`) == "Selected" {
		expect(b, "selected", evaluate[string](b, "String(getSelection())"), strings.TrimSpace(b.text("#advice-body pre")))
	}
	b.click("#reload") // another generation
	b.until(`document.querySelector("#generation").textContent === "8"`)
}

func showsReadingOfAnEarlierTime(b *tab) {
	b.fleet.mu.Lock()
	b.fleet.config.LastReload = &api.Reload{At: b.fleet.config.LastReload.At.Add(-time.Hour), Trigger: "signal", Error: "it is refused", Generation: 7}
	b.fleet.mu.Unlock()
	b.poll()
	b.until(`document.querySelector("#reload-result").textContent.includes("it is refused")`)
}
