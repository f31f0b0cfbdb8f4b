package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

// answers gives what a call of the API answers, asked past the page.
func answers[T any](b *tab, path string) T {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+b.address+api.Prefix+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var answer T
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%s: status %d, %v", path, response.StatusCode, err)
	}
	return answer
}

// expect compares what the page shows with what it should.
func expect[T any](b *tab, what string, got, want T) {
	b.Helper()
	if !reflect.DeepEqual(got, want) {
		b.Errorf("%s: the page has %#v, want %#v", what, got, want)
	}
}

func showsFigures(b *tab) {
	status := answers[api.Status](b, "/status")
	expect(b, "open", b.text("#open"), strconv.FormatInt(status.Connections, 10))
	expect(b, "at most", b.text("#max"), "20,000")
	expect(b, "generation", b.text("#generation"), strconv.FormatUint(status.Config.Generation, 10))
	expect(b, "lines dropped", b.text("#dropped"), "2")
	expect(b, "state", b.text("#ready"), "ready")
	expect(b, "title", evaluate[string](b, "document.title"), "1 wrong · 300 open · gate-1 · idlegate v0.4.0")

	b.showsRoutes()
	b.showsUpstreams()
	open := answers[api.Connections](b, "/connections?sort=due&limit=50")
	expect(b, "ids", b.texts(`#connection-rows [data-is="id"]`), each(open.Connections, func(c api.Connection) string {
		return fmt.Sprintf("Details of %d", c.ID)
	}))
	expect(b, "timers", b.texts(`#connection-rows [data-is="timer"]`), each(open.Connections, func(c api.Connection) string { return c.NextTimer }))
	expect(b, "range", b.text("#range"), "1–50 of 300")
	ended := answers[api.Endings](b, "/ended?limit=25")
	expect(b, "reasons", b.texts(`#ended-rows [data-is="reason"]`), each(ended.Ended, func(e api.Ended) string { return e.Reason }))
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		b.shoot(scheme)
	}
	b.do(chromedp.ScrollIntoView(chromedp.CSS("#connections")))
	b.shoot("connections")
}

func each[T any](all []T, text func(T) string) []string {
	var texts []string
	for _, one := range all {
		texts = append(texts, text(one))
	}
	return texts
}

func (b *tab) showsRoutes() {
	b.Helper()
	routes := answers[api.Routes](b, "/routes").Routes
	silences := answers[api.Silences](b, "/silence").Silences
	histories := answers[api.Histories](b, "/history").Histories
	expect(b, "routes, those first whose upstream has an endpoint that is ejected", b.texts(`#route-rows [data-is="name"]`), []string{"devices", "tills", "chat"})
	for i, r := range routes {
		expect(b, r.Name+" connections", b.text(fmt.Sprintf(`tr[data-key="%s"] [data-is="connections"]`, r.Name)), strconv.FormatInt(r.Connections, 10))
		route := fmt.Sprintf(`.route[data-route="%s"] `, r.Name)
		expect(b, r.Name+" due", b.text(route+`[data-is="due"]`), strconv.FormatUint(silences[i].Due, 10))
		label := evaluate[string](b, `document.querySelector('`+route+`[data-is="silence"]').getAttribute("aria-label")`)
		expect(b, r.Name+" silent", shown(label), total(silences[i].Counts))
		var ended uint64
		for _, minute := range histories[i].Minutes {
			for _, n := range minute.Closed {
				ended += n
			}
		}
		expect(b, r.Name+" ended", shown(strings.Join(b.texts(route+`[data-is="legend"] li`), ", ")), ended)
	}
	expect(b, "lines of devices", b.texts(`.route[data-route="devices"] [data-is="silence"] .text text:not(:first-child)`)[:2], []string{"dry run 30 s", "idle_timeout 1 m 30 s"})
	expect(b, "tills", b.text(`.route[data-route="tills"] [data-is="reading"]`), "Each ends 5 m after it came, whatever it does.")
	if n := len(b.texts(`.route[data-route="devices"] .late`)); n == 0 {
		b.Error("no bar of devices is marked, though silences reach to their timeout")
	}
}

// shown sums the counts of a list like '3 for 1 s to 2 s, 12 for …' or 'client_fin 3, idle_timeout 12'.
func shown(list string) uint64 {
	var sum uint64
	list, _, _ = strings.Cut(strings.TrimPrefix(list, "Silent connections: "), ". ")
	for _, part := range strings.Split(list, ", ") {
		part, _, _ = strings.Cut(part, " for ")
		n, _ := strconv.ParseUint(part[strings.LastIndex(part, " ")+1:], 10, 64) // what is no number counts nothing
		sum += n
	}
	return sum
}

func total(counts []uint64) uint64 {
	var sum uint64
	for _, n := range counts {
		sum += n
	}
	return sum
}

func (b *tab) showsUpstreams() {
	b.Helper()
	var want []string
	for _, u := range answers[api.Upstreams](b, "/upstreams").Upstreams {
		for _, e := range u.Endpoints {
			want = append(want, fmt.Sprint(u.Name, " ", e.Address, " ", e.State(), " ", e.Connections))
		}
	}
	slices.Sort(want)
	got := evaluate[[]string](b, `[...document.querySelectorAll("#endpoint-rows tr")].map((row) =>
		["upstream", "address", "state", "connections"].map((name) => row.querySelector("[data-is=" + name + "]").textContent).join(" ")).sort()`)
	expect(b, "endpoints", got, want)
	expect(b, "the worst of them", b.text(`#endpoint-rows tr [data-is="address"]`), "10.0.0.12:9000")
}

func showsRates(b *tab) {
	b.fleet.mu.Lock()
	b.fleet.now = time.Now
	b.fleet.mu.Unlock()
	const places = `[...document.querySelectorAll("h2, h3, #headers th, #route-rows td, #endpoint-rows td, .chart, .spark")].map((node) => {
		const {x, y, width} = node.getBoundingClientRect();
		return [x, y, width].map(Math.round).join(" ");
	})`
	rate := `document.querySelector('tr[data-key="devices"] [data-is="client-rate"]').textContent`
	b.until(rate + ` !== "–"`)
	before := evaluate[[]string](b, places)
	// 220 devices that speak every 30 s. The first rates span the instant at which the clock began to move.
	b.until("Number(" + rate + ") > 5 && Number(" + rate + ") < 10")
	if after := evaluate[[]string](b, places); !slices.Equal(before, after) {
		b.Errorf("the page moved: %q\nbecame %q", before, after)
	}
}

func findsConnections(b *tab) {
	ids := func(query string) string {
		open := answers[api.Connections](b, "/connections?limit=50&"+query)
		return literal(strings.Join(each(open.Connections, func(c api.Connection) string { return strconv.FormatUint(c.ID, 10) }), " "))
	}
	showing := func(query, numbers string) {
		b.Helper()
		b.until(`[...document.querySelectorAll("#connection-rows tr")].map((row) => row.dataset.key).join(" ") === ` + ids(query) +
			` && document.querySelector("#range").textContent === ` + literal(numbers))
	}
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "tills"))
	showing("sort=due&q=tills", "1–20 of 20")
	b.set("#q", `no such "<one>`)
	b.until(`document.querySelector("#range").textContent === "none"`)
	b.set("#q", "")
	showing("sort=due", "1–50 of 300")

	b.click(`th[data-sort="age"] button`)
	showing("sort=-age", "1–50 of 300")
	b.click(`th[data-sort="age"] button`)
	showing("sort=age", "1–50 of 300")
	b.click(`th[data-sort="client"] button`)
	showing("sort=client", "1–50 of 300")
	expect(b, "sorted", evaluate[[]string](b, `[...document.querySelectorAll("th[aria-sort]")].map((th) => th.dataset.sort + " " + th.getAttribute("aria-sort")).filter((s) => !s.endsWith("none"))`),
		[]string{"client ascending"})

	b.set("#by-route", "chat")
	showing("sort=client&route=chat", "1–50 of 60")
	b.click("#next")
	showing("sort=client&route=chat&offset=50", "51–60 of 60")
	b.click("#next") // there is no other
	b.click("#previous")
	showing("sort=client&route=chat", "1–50 of 60")
}
