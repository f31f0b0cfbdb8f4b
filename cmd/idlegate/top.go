package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/cmd/idlegate/internal/top"
)

// plainConnections is how many connections a frame shows that is not bounded by a screen.
const plainConnections = 20

// shortestEvery is how often to look at most: a look takes the event loops a moment for each connection.
const shortestEvery = 100 * time.Millisecond

// watch is what top was asked for.
type watch struct {
	route string
	every durationFlag
	count int
}

func newTop() *cobra.Command {
	w := watch{every: durationFlag(time.Second)}
	cmd := newRemote(&cobra.Command{
		Use:   "top",
		Short: "Watch the gateway live: rates, why connections end, which are next",
		Long: "Watch the gateway live: how it stands; of each route the connections, how many a timer ends within 10 s, what happens\n" +
			"in a second and why connections end; what happened last; then the connections that are ended next, as many as there is\n" +
			"room for. Ends, reloads, health and alarms are shown as they happen, figures as often as --every says. Where events are\n" +
			"not heard it says so, and tries again.\n\n" +
			"In a terminal it goes on until q is typed: s or the arrows change the order of connections, r the route. Elsewhere,\n" +
			"and with --count, it prints plain frames, one unless told otherwise; with -o json an object a line, until interrupted,\n" +
			"until the gateway is gone, or as many as --count says. Rates need two looks, so the first of these comes after --every.",
		Example: "  idlegate top --route devices\n" +
			"  idlegate top -o json --every 10s --count 6",
		Args: arguments(),
	}, func(c *call) error {
		switch {
		case w.count < 0:
			return usage(c.Command, "--count must not be less than 0, which is no limit")
		case time.Duration(w.every) < shortestEvery:
			return usage(c.Command, "--every must be at least %s: each look makes the gateway look at all its connections",
				figure.Exact(shortestEvery.Seconds()))
		}
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		switch {
		case c.json:
			return w.json(ctx, c)
		case w.count == 0 && top.IsTerminal(os.Stdin, os.Stdout):
			return w.live(ctx, c)
		}
		return w.plain(ctx, c)
	})
	cmd.Flags().StringVar(&w.route, "route", "", "only this `ROUTE`")
	cmd.Flags().Var(&w.every, "every", "how often to look, at least 100ms")
	cmd.Flags().IntVar(&w.count, "count", 0, "print `N` frames, or objects, and end")
	complete(cmd, "route", routeNames())
	return cmd
}

// live shows the gateway in the terminal until the viewer has seen enough.
func (w watch) live(ctx context.Context, c *call) error {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	screen, err := top.Enter(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	defer screen.Leave()
	view := top.View{
		Source: top.From(c.gateway), Address: c.gateway.Address(), Route: w.route, Every: time.Duration(w.every),
		Screen: screen, Keys: os.Stdin, Resized: resized,
	}
	return view.Run(ctx)
}

// plain prints frames one below the other.
func (w watch) plain(ctx context.Context, c *call) error {
	first := true
	return w.follow(ctx, c, max(w.count, 1), func(m top.Model) error {
		m.Address = c.gateway.Address()
		lines := top.Frame(m, 0, 0)
		if !first {
			lines = append([]string{""}, lines...)
		}
		first = false
		return c.printLines(lines)
	})
}

// json prints one object a line.
func (w watch) json(ctx context.Context, c *call) error {
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetEscapeHTML(false)
	return w.follow(ctx, c, w.count, func(m top.Model) error { return encoder.Encode(m.Sample) })
}

// nextToEnd is the order in which connections are ended.
const nextToEnd = "due"

func (w watch) follow(ctx context.Context, c *call, count int, emit func(top.Model) error) error {
	query := top.Query{Route: w.route, Sort: nextToEnd, Limit: plainConnections}
	return top.Follow(ctx, top.From(c.gateway), query, time.Duration(w.every), count, emit)
}
