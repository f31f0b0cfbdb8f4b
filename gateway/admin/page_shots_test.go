package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"idlegate/gateway/admin/api"
)

// fleetOfSize makes a fleet of routes, each with an upstream of two endpoints, and connections.
func fleetOfSize(routes, connections int) *fleet {
	all := fleetRoutes()
	for i := range all {
		all[i].size = connections * all[i].size / 300
	}
	for i := len(all); i < routes; i++ {
		r := all[i%3]
		r.name, r.upstream = fmt.Sprintf("%s-%02d", r.name, i), fmt.Sprintf("%s_%02d", r.upstream, i)
		r.endpoints = []string{fmt.Sprintf("10.1.%d.11:9000", i), fmt.Sprintf("10.1.%d.12:9000", i)}
		all = append(all, r)
	}
	if routes > 3 {
		for i := range all {
			all[i].size = connections / routes
		}
	}
	return fleetOf(all)
}

// TestPagePictures draws the page as it looks with much and with little, in light and dark, on a phone, and when things go wrong. It
// is for people: the pictures lie in the folder that IDLEGATE_SCREENSHOTS names.
func TestPagePictures(t *testing.T) {
	if os.Getenv("IDLEGATE_SCREENSHOTS") == "" {
		t.Skip("IDLEGATE_SCREENSHOTS names no folder")
	}
	browser := openBrowser(t)
	calm := func(*fleet) {}
	well := func(f *fleet) { f.ejected, f.drained = map[string]bool{}, map[string]bool{} }
	for _, one := range []struct {
		name        string
		routes, all int
		at          string
		before      func(*fleet)
		after       func(*tab)
	}{
		{"3-routes", 3, 300, "/", calm, nil},
		{"3-routes-well", 3, 100, "/", well, nil},
		{"3-routes-open", 3, 300, "/?open=devices,tills", calm, nil},
		{"no-connections", 3, 0, "/", well, nil},
		{"40-routes", 40, 9000, "/", calm, nil},
		{"200-routes", 200, 9000, "/", well, nil},
		{"failing", 3, 300, "/?reason=idle_timeout&route=chat", failing, nil},
		{"full", 3, 300, "/", func(f *fleet) { f.full = true }, nil},
		{"rich", 3, 300, "/?route=devices", rich, nil},
		{"refused", 3, 300, "/", func(f *fleet) {
			f.breakFile(true)
			f.config.LastReload = f.reloaded(f.now(), "file")
		}, nil},
		{"gone", 3, 300, "/", calm, func(b *tab) {
			b.excuse("net::ERR_")
			b.shutDown()
			b.poll()
			b.until(`!document.querySelector("#gone").hidden`)
			<-time.After(3 * time.Second) // so that the age is one
		}},
		{"readme", 3, 300, "/?open=devices", calm, func(b *tab) {
			b.fleet.mu.Lock()
			b.fleet.now = time.Now
			b.fleet.mu.Unlock()
			b.until(`document.querySelector('[data-is="client-rate"]').textContent !== "–"`)
			b.do(chromedp.EmulateViewport(1280, 1020))
			b.shootWindow("page", "#now")
			b.do(chromedp.EmulateViewport(1280, 900))
		}},
		{"policy", 3, 300, "/", calm, func(b *tab) {
			for _, panel := range []string{"plan", "policies", "effective", "advice"} {
				evaluate[bool](b, `document.getElementById("`+panel+`-panel").open = true`)
			}
			b.until(`document.querySelector("#advice-body table") && document.querySelector("#effective-body pre")`)
			b.set("#plan-text", "routes: []")
			evaluate[bool](b, `document.querySelector("#plan-form button").click(), true`)
			b.until(`document.querySelector("#plan-result p")`)
		}},
	} {
		t.Run(one.name, func(t *testing.T) {
			f := fleetOfSize(one.routes, one.all)
			one.before(f)
			b := openTabOf(t, browser, f, one.at)
			if one.all > 0 {
				evaluate[bool](b, `document.getElementById("connections").scrollIntoView({behavior: "instant"}), true`)
				b.until(`document.querySelector("#connection-rows tr")`)
				evaluate[bool](b, `scrollTo({top: 0, behavior: "instant"}), true`)
			}
			if one.after != nil {
				one.after(b)
			}
			for _, scheme := range []string{"light", "dark"} {
				b.prefer(scheme)
				b.shootWhole(one.name + "-" + scheme)
			}
			b.prefer("light")
			for _, part := range []string{"now", "upstreams", "policy"} {
				b.shootWindow(one.name+"-at-"+part, "#"+part)
			}
			b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
			b.shootWhole(one.name + "-phone")
		})
	}
}

// failing has much be wrong at once.
func failing(f *fleet) {
	f.stopped["tills"] = "stop"
	for at := range map[string]bool{"10.0.1.21:5222": true, "10.0.1.22:5222": true} {
		f.ejected[at] = true
	}
	f.more = []api.Alarm{
		{Kind: api.AlarmUpstreamOut, Level: api.AlarmError, Upstream: "chat_servers", Since: f.now().Add(-4 * time.Minute), Text: "upstream chat_servers has no healthy endpoint: its clients end as connect_… or no_endpoint", Do: "bring an endpoint back: idlegate upstreams says what is wrong with each"},
		{Kind: api.AlarmRouteFull, Level: api.AlarmError, Route: "devices", Since: f.now().Add(-time.Minute), Text: "route devices is full: 220 of 220 connections are open, and new clients are refused", Do: "raise limits.connections of the route, or end connections of it: idlegate close --route devices --idle 10m"},
		{Kind: api.AlarmRefusals, Level: api.AlarmWarning, Route: "devices", Since: f.now().Add(-time.Minute), Text: "route devices has refused 71 clients: over_route_limit 71", Do: "raise limits.connections of the route, or end connections of it"},
		{Kind: api.AlarmLogDropped, Level: api.AlarmWarning, Since: f.now().Add(-20 * time.Second), Text: "312 lines of the log were lost: its destination is slow or fails", Do: "look at the destination of the log (log.file, or who reads standard error), or log less: log.connections"},
	}
}

// rich has connections with all that a connection can have.
func rich(f *fleet) {
	f.rich = true
}

// shootWhole is shoot for the whole length of the page.
func (b *tab) shootWhole(name string) {
	b.Helper()
	<-time.After(300 * time.Millisecond) // one or two frames, so that nothing is half drawn
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Getenv("IDLEGATE_SCREENSHOTS"), name+".png"), picture, 0o644)
	}
	if err != nil {
		b.Error(err)
	}
}

// shootWindow is shoot for what a window of usual size shows, at a place of the page.
func (b *tab) shootWindow(name, at string) {
	b.Helper()
	evaluate[bool](b, `document.querySelector(`+literal(at)+`).scrollIntoView({behavior: "instant"}), true`)
	<-time.After(300 * time.Millisecond)
	b.shoot(name)
}

// shootWholeIfWanted is shootWhole where somebody wants pictures.
func (b *tab) shootWholeIfWanted(name string) {
	b.Helper()
	if os.Getenv("IDLEGATE_SCREENSHOTS") != "" {
		b.shootWhole(name)
	}
}
