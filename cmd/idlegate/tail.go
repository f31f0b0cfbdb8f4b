package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/client"
	"idlegate/cmd/idlegate/internal/listing"
	"idlegate/gateway/admin/api"
)

// tail is what is followed.
type tail struct {
	client.EventsQuery
	last int // how many of the past come first, ends among them
}

func newTail() *cobra.Command {
	var t tail
	cmd := newRemote(&cobra.Command{
		Use:   "tail",
		Short: "Follow what happens: ends, reloads, health, deeds, alarms",
		Long: "Print a line for everything that happens, until interrupted: connections that end and why, readings of the policy file,\n" +
			"endpoints that fail and come back, what operators do, alarms that begin and end. With -o json it is one object a line.\n" +
			"With -n what has happened last comes first. The gateway drops a reader that is too slow, and says so.",
		Example: "  idlegate tail --route devices\n" +
			"  idlegate tail -n 20\n" +
			"  idlegate tail --kind deed,reload -o json",
		Args: arguments(),
	}, func(c *call) error {
		for _, kind := range t.Kinds {
			if !slices.Contains(api.EventKinds(), api.EventKind(kind)) {
				return usage(c.Command, "--kind %q must be of %s", kind, strings.Join(eventKinds(), ", "))
			}
		}
		if t.last < 0 || t.last > api.MaxLast {
			return usage(c.Command, "-n must be from 0 to %d: the gateway remembers no more", api.MaxLast)
		}
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		err := t.follow(ctx, c)
		if errors.Is(err, context.Canceled) {
			return nil // interrupted, which is how it ends
		}
		return err
	})
	cmd.Flags().StringVar(&t.Route, "route", "", "only what is about this `ROUTE`")
	cmd.Flags().StringSliceVar(&t.Kinds, "kind", nil, "only these `KINDS`, separated by commas: "+strings.Join(eventKinds(), ", "))
	cmd.Flags().IntVarP(&t.last, "last", "n", 0, fmt.Sprintf("first the last `N` that have happened, at most %d", api.MaxLast))
	complete(cmd, "route", routeNames())
	complete(cmd, "kind", choose(eventKinds()...))
	return cmd
}

// follow prints what happens. What was there before comes first, in the order of time: ends are in a list of their own, and one that is
// told meanwhile is printed once.
func (t tail) follow(ctx context.Context, c *call) error {
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetEscapeHTML(false)
	show := func(e api.Event) error {
		if c.json {
			return encoder.Encode(e)
		}
		return c.printLines([]string{e.At.Format("15:04:05.000") + " " + listing.Event(e)})
	}
	t.Last = t.last
	var past []api.Event
	begun, known := t.last == 0, map[uint64]bool{}
	return c.gateway.Events(ctx, t.EventsQuery, client.Listener{
		Ready: func() error {
			ends, err := t.ended(ctx, c)
			if err != nil {
				return err
			}
			past = append(past, ends...)
			slices.SortStableFunc(past, func(a, b api.Event) int { return a.At.Compare(b.At) })
			for _, e := range past[max(0, len(past)-t.last):] {
				if err := show(e); err != nil {
					return err
				}
			}
			for _, e := range ends {
				known[e.Ended.ID] = true
			}
			begun, past = true, nil
			return nil
		},
		Heard: func(e api.Event) error {
			switch {
			case !begun:
				past = append(past, e)
				return nil
			case e.Ended != nil && known[e.Ended.ID]:
				return nil
			}
			return show(e)
		},
	})
}

// ended are the last ends, if they are wanted.
func (t tail) ended(ctx context.Context, c *call) (ends []api.Event, err error) {
	if t.last == 0 || len(t.Kinds) > 0 && !slices.Contains(t.Kinds, string(api.EventEnded)) {
		return nil, nil
	}
	all, err := c.gateway.Ended(ctx, api.EndedQuery{Route: t.Route, Limit: t.last})
	for _, one := range all.Ended {
		ends = append(ends, api.Event{Kind: api.EventEnded, At: one.EndedAt, Ended: &one})
	}
	return ends, err
}

func eventKinds() (words []string) {
	for _, kind := range api.EventKinds() {
		words = append(words, string(kind))
	}
	return words
}
