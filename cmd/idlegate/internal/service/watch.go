package service

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Gateway is what is watched.
type Gateway interface {
	// Turning waits until every event loop has come round; the error says which has not when ctx ends.
	Turning(ctx context.Context) error
	// Ready reports whether clients are taken, and if not why.
	Ready() (bool, string)
	// Open is how many connections are open.
	Open() int64
}

// statusEvery is how often the manager is told how the gateway stands, where it has no watchdog.
const statusEvery = 10 * time.Second

// Watch tells the manager, at least three times in the interval of its watchdog, that the gateway's loops turn. When they do
// not, it is told nothing, and ends the process. Watch returns when ctx ends, at once where there is no manager.
func Watch(ctx context.Context, told *Told, g Gateway) {
	if told.send == nil {
		return
	}
	every := statusEvery
	if watchdog, err := daemon.SdWatchdogEnabled(false); err == nil && watchdog > 0 {
		every = min(every, watchdog/3)
	}
	watch(ctx, told, g, every)
}

func watch(ctx context.Context, told *Told, g Gateway, every time.Duration) {
	for {
		bounded, cancel := context.WithTimeout(ctx, every)
		if ready, _ := g.Ready(); !ready {
			told.Stopping() // also where no signal began it
		}
		if g.Turning(bounded) == nil {
			told.beat(line(g), 3*every+stopGrace)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// stopGrace is what may be left to do once the last beat of a drain has been told.
const stopGrace = 10 * time.Second

// line says how g stands.
func line(g Gateway) string {
	ready, reason := g.Ready()
	if !ready {
		return fmt.Sprintf("%s, %s", reason, connections(g.Open()))
	}
	return "serving, " + connections(g.Open())
}

func connections(open int64) string {
	if open == 1 {
		return "1 connection open"
	}
	return fmt.Sprintf("%d connections open", open)
}
