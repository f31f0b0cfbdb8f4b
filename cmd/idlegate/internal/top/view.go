package top

import (
	"context"
	"os"
	"time"

	"idlegate/gateway/admin/api"
)

// View is a live view in a terminal.
type View struct {
	Source
	Address string // where the gateway is, to be shown
	Route   string // to begin with; "": all
	Every   time.Duration
	Screen  *Screen
	Keys    *os.File         // what is typed
	Resized <-chan os.Signal // SIGWINCH
}

// together is how long events are gathered that are drawn at once, and asked for once.
const together = 100 * time.Millisecond

// Run shows the gateway until ctx ends or the viewer quits. A gateway that goes away is no error: it is asked again.
func (v View) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := make(chan key)
	go listen(v.Keys, keys, ctx.Done())
	tick := time.NewTicker(v.Every)
	defer tick.Stop()

	heard := make(chan news)
	go v.Listen.follow(ctx, heard)

	l := newLive(v.Address, v.Route)
	results := make(chan result, 1)
	var soon <-chan time.Time // when what was heard is drawn; nil: nothing was
	for asking, draw := false, true; ; {
		width, height := v.Screen.size()
		if !asking && l.wants {
			asking, l.wants = true, false // a slow gateway is not asked twice at a time
			query := Query{Route: l.model.Route, Sort: l.model.Sort, Limit: min(height, api.MaxLimit)}
			go func() { results <- v.Ask.at(ctx, query) }()
		}
		if draw {
			if err := v.Screen.draw(Frame(l.model, width, height)); err != nil {
				return err
			}
		}
		draw = true
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.wants = true
		case <-v.Resized:
		case n := <-heard:
			l.hear(n)
			if soon == nil {
				soon = time.After(together)
			}
			draw = false
		case <-soon:
			soon = nil
			l.wants, l.stale = l.wants || l.stale, false
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
