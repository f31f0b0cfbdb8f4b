package admin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestThePageIsForEverybody has axe-core, which knows what people need who work by keyboard or with a screen reader, look at the page in
// all of its states. It must find nothing that is serious. Chromium brings axe-core along, in its developer tools.
func TestThePageIsForEverybody(t *testing.T) {
	browser := openBrowser(t)
	axe := axeOf(t)
	for _, state := range []struct {
		name string
		set  func(*tab)
	}{
		{"unfolded", func(*tab) {}},
		{"dark", func(b *tab) { b.prefer("dark") }},
		{"on a phone", func(b *tab) { b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile)) }},
		{"with the details of a connection", func(b *tab) {
			b.click(`#connection-rows [data-is="id"]`)
			b.until(`document.querySelector("#details[open] tbody tr")`)
		}},
		{"with the levers of an endpoint", func(b *tab) {
			b.click(`#endpoint-rows [data-is="set"]`)
			b.until(`document.querySelector("#lever").open`)
		}},
		{"with all panels open", openPanels},
		{"with a refused file", func(b *tab) {
			b.excuse("422")
			b.fleet.breakFile(true)
			b.click("#reload")
			b.until(`document.querySelector("#reload-panel.refused pre")`)
		}},
		{"with much that is wrong", func(b *tab) {
			b.fleet.mu.Lock()
			failing(b.fleet)
			b.fleet.mu.Unlock()
			b.poll()
			b.until(`document.querySelector("#hand-rows li") && document.querySelectorAll("#alarms li").length === 5`)
		}},
		{"with all that a connection can have", func(b *tab) {
			b.fleet.mu.Lock()
			rich(b.fleet)
			b.fleet.mu.Unlock()
			b.poll()
			b.until(`document.querySelector("table.has-tls.has-proxy.has-beats")`)
		}},
		{"without the gateway", func(b *tab) {
			b.excuse("net::ERR_")
			b.shutDown()
			b.poll()
			b.until(`!document.querySelector("#gone").hidden`)
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			b := openTabOf(t, browser, fleetOfSize(3, 30), "/?open=devices")
			evaluate[bool](b, `document.getElementById("connections").scrollIntoView({behavior: "instant"}), true`)
			b.until(`document.querySelector("#connection-rows tr") && document.querySelector("[data-is=legend] li")`)
			state.set(b)
			source := evaluate[string](b, "`"+axe+"`")
			evaluate[bool](b, source+"\n;true")
			for _, found := range b.violations("html") {
				if strings.HasPrefix(found, "serious") || strings.HasPrefix(found, "critical") {
					b.Error(found)
				} else {
					b.Log(found)
				}
			}
			evaluate[bool](b, `(document.querySelector("dialog[open]") ?? document.querySelector("main")).append(Object.assign(document.createElement("button"), {id: "nameless"})), true`)
			if found := strings.Join(b.violations("#nameless"), "\n"); !strings.Contains(found, "critical button-name") {
				b.Errorf("a button without a name is not found: %s", found)
			}
		})
	}
}

// violations are what axe-core finds below an element, each with how bad it is.
func (b *tab) violations(below string) []string {
	b.Helper()
	return evaluate[[]string](b, `axe.run(`+literal(below)+`, {resultTypes: ["violations"]}).then(({violations}) =>
		violations.flatMap(({id, impact, nodes}) => nodes.map((node) => impact + " " + id + ": " + node.html.slice(0, 200) + " " + node.failureSummary)))`)
}

func openPanels(b *tab) {
	for _, panel := range []string{"plan", "policies", "effective", "advice"} {
		evaluate[bool](b, `document.getElementById("`+panel+`-panel").open = true`)
	}
	b.until(`document.querySelector("#advice-body table") && document.querySelector("#effective-body pre") && document.querySelector("#policies-body table")`)
	b.set("#plan-text", "routes: []")
	evaluate[bool](b, `document.querySelector("#plan-form button").click(), true`)
	b.until(`document.querySelector("#plan-result table")`)
}

// axeOf gives the source of axe-core as it stands in a script of the browser's developer tools: the inside of a template literal. The
// browser that the tests drive is spoken to through a pipe, so another one serves these tools.
func axeOf(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	serving := exec.CommandContext(ctx, browserPath(t), "--headless", "--no-sandbox", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	says, err := serving.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	lines, address := bufio.NewScanner(says), ""
	for address == "" && lines.Scan() {
		if at := regexp.MustCompile(`DevTools listening on ws://([^/]+)/`).FindStringSubmatch(lines.Text()); at != nil {
			address = at[1]
		}
	}
	source, err := axeFrom("http://" + address + "/devtools/third_party/lighthouse/lighthouse-dt-bundle.js")
	_ = serving.Process.Signal(syscall.SIGTERM) // it ends its own children; how it ends is no concern of the test
	_, _ = io.Copy(io.Discard, says)
	_ = serving.Wait()
	if err != nil {
		if os.Getenv("IDLEGATE_REQUIRE_REAL") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return source
}

func axeFrom(url string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile("(?s)`(/\\*! axe v4(?:[^`\\\\]|\\\\.)*)`").FindSubmatch(body)
	if found == nil {
		return "", fmt.Errorf("this browser brings no axe-core along: %s, %d bytes", response.Status, len(body))
	}
	return string(found[1]), nil
}
