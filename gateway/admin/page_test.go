package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestPage drives the status page in a real browser, one for all of its tests. Each has a tab and a fleet of its own, and
// fails if the page throws, writes an error to the console, breaks its content policy or calls another host.
func TestPage(t *testing.T) {
	browser := openBrowser(t)
	for _, test := range []struct {
		rule string
		run  func(*tab)
	}{
		{"shows the figures of the API", showsFigures},
		{"shows rates and does not move as figures change", showsRates},
		{"says that new clients wait", saysFull},
		{"searches, filters, sorts and pages", findsConnections},
		{"closes a connection at the second press", closesConnection},
		{"rows hold still while one is aimed at", holdsRowsStill},
		{"rows hold still when one is closed", closesWithoutMovingRows},
		{"what is searched for is shown below the pointer, too", searchesBelowThePointer},
		{"explains a connection", explainsConnection},
		{"says that a connection has just ended", tellsThatItHasEnded},
		{"reloads the policy file", reloadsPolicy},
		{"shows what waits for a restart until it has happened", showsPending},
		{"shows what was read last though the gateway's clock was set back", showsReadingOfAnEarlierTime},
		{"shows the offending line of a refused policy file", showsOffendingLine},
		{"drains and undrains an endpoint", drainsEndpoint},
		{"shows an ejected endpoint as bad", showsEjectedEndpoint},
		{"is usable by keyboard alone", obeysKeyboard},
		{"keeps the focus in the table", keepsFocus},
		{"fits a phone", fitsPhone},
		{"can be read in light and dark", canBeRead},
		{"tells reasons apart", tellsReasonsApart},
		{"says that the gateway is gone, and that it is back", saysGone},
		{"says what the gateway could not tell", saysIncomplete},
		{"shows text from the network as text", showsTextAsText},
		{"says what is wrong, since when and what to do, and is green only where nothing is", saysWhatIsWrong},
		{"stops a route by hand and undoes that from the top", undoesWhatIsSetByHand},
		{"sets state and weight of an endpoint by keyboard, and undoes them from the top", setsEndpointByHand},
		{"sets the level of the log and undoes that", setsLogLevel},
		{"says whose page it is, and has the gateway's time", saysWhoItIs},
		{"says how old its figures are when the gateway is gone", saysHowOldItIs},
		{"shows a viewer nothing that changes something", showsAViewerNoButtons},
		{"keeps what is looked for in its address, back and forth", keepsAddress},
		{"says what is wrong with a filter, and goes on", refusesFilter},
		{"leads from a route to its connections", leadsToConnections},
		{"hears of ends, alarms and deeds as they happen", hearsEvents},
		{"shows what has happened before it was opened", showsEventsOfThePast},
		{"asks for ends where it does not hear of them, and says so", losesStream},
		{"plans an edit that is pasted", plansEdit},
		{"goes back to the policy before at the second press", goesBack},
		{"shows policies, the effective file and advice to copy", showsPolicies},
		{"shows what broke the protocol", showsBrokenProtocol},
		{"shows TLS, proxy and heartbeats where there are any", showsSeldomColumns},
		{"draws the hour with units and the running minute marked", drawsHour},
		{"says why clients were refused before they had a route", saysRefused},
		{"hides nothing on a phone without a hint", hintsAtWhatIsHidden},
		{"asks for connections only while they are in view, and for nothing twice", asksForLittle},
		{"keeps up with a gateway that was started again", keepsUpWithARestart},
		{"keeps what it knows where one call fails", keepsWhatItWasNotTold},
		{"lists two things of one name, and them once", listsTwinsOnce},
		{"leaves what is selected in the details alone", leavesSelectionAlone},
		{"endpoints hold still while one is aimed at", holdsEndpointsStill},
		{"the table stays where it is when a filter is set", holdsFilterStill},
		{"has the gateway's time wherever it shows one", hasTheGatewaysTime},
		{"keeps no more after hours than at first", lastsForHours},
		{"takes what others were told a second ago when it asks by the timer, and asks afresh else", asksAfresh},
		{"asks while much happens", asksWhileMuchHappens},
	} {
		t.Run(test.rule, func(t *testing.T) { test.run(openTab(t, browser)) })
	}
	t.Run("has forty routes with their endpoints in 1,500 pixels", func(t *testing.T) { hasRoomForForty(t, browser) })
	t.Run("lists the worst of very many routes", func(t *testing.T) { listsTheWorst(t, browser) })
	t.Run("asks what the benchmark's pages ask", func(t *testing.T) { asksWhatTheBenchmarkAsks(t, browser) })
	t.Run("opens as a colleague has sent it", func(t *testing.T) { opensAsSent(t, browser) })
	t.Run("opens at the part that its address names", func(t *testing.T) { showsWhereItWasSentTo(t, browser) })
	t.Run("opens what was damaged on its way", func(t *testing.T) { opensWhatIsDamaged(t, browser) })
	t.Run("takes typing while very many rows are drawn", func(t *testing.T) { takesTypingAmongMany(t, browser) })
	t.Run("holds long names", func(t *testing.T) { holdsLongNames(t, browser) })
}

// openBrowser starts the browser that the machine has. Where IDLEGATE_REQUIRE_REAL is set it must have one.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(browserPath(t)), chromedp.NoSandbox, // the page is this project's own, and root has no sandbox
	})
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	return ctx
}

func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("IDLEGATE_REQUIRE_REAL") != "" {
		t.Fatal("IDLEGATE_REQUIRE_REAL is set: no chromium, chromium-browser or google-chrome")
	}
	t.Skip("needs chromium, chromium-browser or google-chrome, none of which is installed")
	return ""
}

// tab is one tab that shows the page of one fleet.
type tab struct {
	*testing.T
	ctx     context.Context
	fleet   *fleet
	address string
	server  *Server
	config  func(*Config) // changes how it is served; nil: nothing

	mu       sync.Mutex // of what the browser tells
	faults   []string
	requests []string
	calls    []string // of the API
	excused  []string // parts of faults that a test provokes
}

// openTab opens the page of a fleet whose clock stands still, with all routes unfolded, scrolls to the connections, and waits until
// all has been drawn.
func openTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	b := openTabOf(t, browser, fakeFleet(), "/?open=devices,chat,tills")
	b.until(`document.querySelector(".legend li b")`)
	b.seeConnections()
	return b
}

// seeConnections scrolls to the connections, since they are asked for where they are in view.
func (b *tab) seeConnections() {
	b.Helper()
	evaluate[bool](b, `document.getElementById("connections").scrollIntoView({behavior: "instant"}), true`)
	b.until(`document.querySelectorAll("#connection-rows tr").length === 50`)
}

// openTabOf opens the page of a fleet at an address, and waits until it has been drawn.
func openTabOf(t *testing.T, browser context.Context, f *fleet, at string) *tab {
	t.Helper()
	b := &tab{T: t, fleet: f}
	b.fleet.freeze()
	b.serve(lastingAddress(t))
	t.Cleanup(b.shutDown)
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the first context it is used with
		t.Fatal(err)
	}
	b.prefer("light")
	b.patient()
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+b.address+at))
	b.until(`document.querySelector("#contact").textContent === "live" && document.querySelector("#route-rows tr")`)
	t.Cleanup(b.checkFaults)
	return b
}

// lastingAddress is one at which the page can be served again: it lies below the ports that Linux gives out, or others could be given it
// meanwhile.
func lastingAddress(t *testing.T) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no address is free")
	return ""
}

// patient makes buttons wait for their second press, and notices stay, for as long as a busy machine takes.
func (b *tab) patient() {
	b.Helper()
	const script = `{
		const set = setTimeout;
		window.setTimeout = (act, after, ...more) => set(act, after === 6000 || after === 8000 ? 100 * after : after, ...more);
	}`
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) serve(address string) {
	l := listen(b.T, "tcp", address)
	b.address = l.Addr().String()
	c := Config{Listener: l, Gateway: &fakeGateway{}, Operated: b.fleet, Logger: slog.New(slog.DiscardHandler), Version: "v0.4.0"}
	if b.config != nil {
		b.config(&c)
	}
	server := New(c)
	b.server = server
	go server.Serve() // ends with shutDown
}

// shutDown ends the server and the calls in progress.
func (b *tab) shutDown() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.server.Shutdown(ctx) // says only that calls were cut off
}

// hear runs in the loop that reads from the browser.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, "exception: "+e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *runtime.EventConsoleAPICalled:
		b.faults = append(b.faults, "console."+string(e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level != "verbose" {
			b.faults = append(b.faults, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
		b.noteCall(e.Request)
	}
}

// excuse lets faults pass that contain part.
func (b *tab) excuse(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.excused = append(b.excused, part)
}

func (b *tab) checkFaults() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		if !slices.ContainsFunc(b.excused, func(part string) bool { return strings.Contains(fault, part) }) {
			b.Error(fault)
		}
	}
	if len(b.requests) < 10 {
		b.Errorf("only %d requests were seen: %q", len(b.requests), b.requests)
	}
	for _, request := range b.requests {
		if u, err := url.Parse(request); err != nil || u.Host != b.address {
			b.Errorf("a request to another host: %s", request)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience) // what is to be clicked may never come
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.shoot("failed")
		b.Fatal(err)
	}
}

// click clicks the first element of a selector with the mouse.
func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// set gives a field a value as if it had been typed or chosen.
func (b *tab) set(selector, value string) {
	b.Helper()
	evaluate[bool](b, `((field) => {
		field.value = `+literal(value)+`;
		return field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input"));
	})(document.querySelector(`+literal(selector)+`))`)
}

// evaluate gives what an expression gives in the page.
func evaluate[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return value
}

// literal is s as a script has it.
func literal(s string) string {
	text, _ := json.Marshal(s) // any string can be
	return string(text)
}

// size gives the window another width; narrow ones are those of phones.
func (b *tab) size(width int64) {
	b.Helper()
	if width < 500 {
		b.do(chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile))
		return
	}
	b.do(chromedp.EmulateViewport(width, 900))
}

func (b *tab) text(selector string) string {
	b.Helper()
	return evaluate[string](b, `document.querySelector(`+literal(selector)+`).textContent`)
}

// texts are those of all elements that a selector chooses.
func (b *tab) texts(selector string) []string {
	b.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll(`+literal(selector)+`)].map((node) => node.textContent)`)
}

// patience is longer than ten polls of the page take, many times over, since machines are busy.
const patience = time.Minute

// until waits for an expression to hold.
func (b *tab) until(expression string) {
	b.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		b.shoot("failed")
		b.Fatalf("%s: %v", expression, err)
	}
}

// poll makes the page ask again at once, as it does when it comes into view.
func (b *tab) poll() {
	b.Helper()
	evaluate[bool](b, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// prefer makes the browser say that its user likes a scheme of colours, and no motion: what scrolls smoothly cannot be clicked at.
func (b *tab) prefer(scheme string) {
	b.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.Fatal(err)
	}
}

// shoot writes a picture of what the window shows into the folder that IDLEGATE_SCREENSHOTS names, if any.
func (b *tab) shoot(name string) {
	b.Helper()
	dir := os.Getenv("IDLEGATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.Error(err)
	}
}
