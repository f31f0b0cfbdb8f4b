package top

import (
	"context"
	"os"
	"time"

	"idlegate/gateway/admin/api"
)

// View is a live view in a terminal.
type View struct {
	Ask     Ask
	Address string // where the gateway is, to be shown
	Route   string // to begin with; "": all
	Every   time.Duration
	Screen  *Screen
	Keys    *os.File         // what is typed
	Resized <-chan os.Signal // SIGWINCH
}

// Run shows the gateway until ctx ends or the viewer quits. A gateway that goes away is no error: it is asked again.
func (v View) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := make(chan key)
	go listen(v.Keys, keys, ctx.Done())
	tick := time.NewTicker(v.Every)
	defer tick.Stop()

	l := newLive(v.Address, v.Route)
	results := make(chan result, 1)
	for asking := false; ; {
		width, height := v.Screen.size()
		if !asking && l.wants {
			asking, l.wants = true, false // a slow gateway is not asked twice at a time
			query := Query{Route: l.model.Route, Sort: l.model.Sort, Limit: min(height, api.MaxLimit)}
			go func() { results <- v.Ask.at(ctx, query) }()
		}
		if err := v.Screen.draw(Frame(l.model, width, height)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.wants = true
		case <-v.Resized:
		case r := <-results:
			asking = false
			l.take(r)
		case k := <-keys:
			if k == keyQuit {
				return nil
			}
			l.press(k)
		}
	}
}
