package main

import (
	"context"
	"encoding/json"
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
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// statusPage is the operator's window on the gateway: one tab that stays open all day.
type statusPage struct {
	*testing.T
	ctx context.Context

	mu     sync.Mutex // of what the browser tells
	faults []string   // exceptions, and what is written to the console
}

// browser is the one that the machine has, or "". Where IDLEGATE_REQUIRE_REAL is set it must have one.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("IDLEGATE_REQUIRE_REAL") != "" {
		t.Fatal("IDLEGATE_REQUIRE_REAL is set: no chromium, chromium-browser or google-chrome")
	}
	return ""
}

// openPage opens the status page of a gateway in a browser of its own.
func openPage(t *testing.T, path, address string) *statusPage {
	t.Helper()
	p := &statusPage{T: t}
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, // the page is this project's own, and root has no sandbox
	})
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(p.hear))
	t.Cleanup(cancel)
	p.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the first context it is used with
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	p.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate("http://"+address+"/"))
	p.until(`document.querySelector("#connection-rows tr")`)
	return p
}

// hear runs in the loop that reads from the browser. Entries about the network only repeat what a refusal answers.
func (p *statusPage) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		p.faults = append(p.faults, "console."+string(e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level != "verbose" && e.Entry.Source != "network" {
			p.faults = append(p.faults, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	}
}

// checkFaults reports what the browser has told since it was asked last.
func (p *statusPage) checkFaults() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		p.Error(fault)
	}
	p.faults = nil
}

func (p *statusPage) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.shoot("failed")
		p.Fatal(err)
	}
}

// press clicks the first element of a selector with the mouse.
func (p *statusPage) press(selector string) {
	p.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// search types into the search field, in place of what it has.
func (p *statusPage) search(text string) {
	p.Helper()
	evaluate[bool](p, `(() => {
		const field = document.querySelector("#q");
		field.value = `+quoted(text)+`;
		return field.dispatchEvent(new Event("input"));
	})()`)
}

// hurry makes the page ask again at once, as it does when it comes into view.
func (p *statusPage) hurry() {
	p.Helper()
	evaluate[bool](p, `document.dispatchEvent(new Event("visibilitychange"))`)
}

// evaluate gives what an expression gives in the page.
func evaluate[T any](p *statusPage, expression string) T {
	p.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return value
}

// quoted is s as a script has it.
func quoted(s string) string {
	text, _ := json.Marshal(s) // any string can be
	return string(text)
}

func (p *statusPage) text(selector string) string {
	p.Helper()
	return evaluate[string](p, `document.querySelector(`+quoted(selector)+`).innerText`)
}

// patience is longer than ten polls of the page take on a busy machine.
const patience = 2 * time.Minute

// until waits for an expression to hold.
func (p *statusPage) until(expression string) {
	p.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		p.shoot("failed")
		p.Fatalf("%s: %v", expression, err)
	}
}

// shows waits until the text of an element contains all of these.
func (p *statusPage) shows(selector string, parts ...string) {
	p.Helper()
	p.until(`(() => {
		const text = document.querySelector(` + quoted(selector) + `)?.innerText ?? "";
		return [` + strings.Join(each(parts, quoted), ",") + `].every((part) => text.includes(part));
	})()`)
}

func each[T, U any](all []T, of func(T) U) []U {
	var made []U
	for _, one := range all {
		made = append(made, of(one))
	}
	return made
}

// shoot writes pictures of the whole page, light and dark, into the folder that IDLEGATE_SCREENSHOTS names, if any.
func (p *statusPage) shoot(name string) {
	p.Helper()
	dir := os.Getenv("IDLEGATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media)
		var picture []byte
		if err == nil {
			picture, err = chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "day-"+name+"-"+scheme+".png"), picture, 0o644)
		}
		if err != nil {
			p.Error(err)
			return
		}
	}
}
