package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

func newTail() *cobra.Command {
	var route string
	var kinds []string
	cmd := newRemote(&cobra.Command{
		Use:   "tail",
		Short: "Follow what happens: ends, reloads, health, deeds, alarms",
		Long: "Print a line for everything that happens, until interrupted: connections that end and why, readings of the policy file,\n" +
			"endpoints that fail and come back, what operators do, alarms that begin and end. With -o json it is one object a line.\n" +
			"The gateway drops a reader that is too slow, and says so.",
		Example: "  idlegate tail --route devices\n" +
			"  idlegate tail --kind deed,reload -o json",
		Args: arguments(),
	}, func(c *call) error {
		for _, kind := range kinds {
			if !slices.Contains(api.EventKinds(), api.EventKind(kind)) {
				return usage(c.Command, "--kind %q must be of %s", kind, strings.Join(eventKinds(), ", "))
			}
		}
		ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetEscapeHTML(false)
		err := c.gateway.Events(ctx, kinds, route, func(e api.Event) error {
			if c.json {
				return encoder.Encode(e)
			}
			return c.printLines([]string{e.At.Format("15:04:05.000") + " " + happened(e)})
		})
		if errors.Is(err, context.Canceled) {
			return nil // interrupted, which is how it ends
		}
		return err
	})
	cmd.Flags().StringVar(&route, "route", "", "only what is about this `ROUTE`")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these `KINDS`, separated by commas: "+strings.Join(eventKinds(), ", "))
	complete(cmd, "route", routeNames())
	complete(cmd, "kind", choose(eventKinds()...))
	return cmd
}

func eventKinds() (words []string) {
	for _, kind := range api.EventKinds() {
		words = append(words, string(kind))
	}
	return words
}

// happened is an event in one line.
func happened(e api.Event) string {
	switch {
	case e.Ended != nil:
		return fmt.Sprintf("ended %s: connection %d of route %s, client %s, endpoint %s, after %s", e.Ended.Reason, e.Ended.ID, e.Ended.Route,
			e.Ended.Client, cmp.Or(e.Ended.Endpoint, "none"), figure.Duration(e.Ended.DurationSeconds))
	case e.Reload != nil && !e.Reload.OK:
		return fmt.Sprintf("reload refused (%s): %s; generation %d stays", e.Reload.Trigger, e.Reload.Error, e.Reload.Generation)
	case e.Reload != nil:
		return fmt.Sprintf("reload (%s): generation %d, %s", e.Reload.Trigger, e.Reload.Generation, count(len(e.Reload.Changes), "change", "changes"))
	case e.Health != nil:
		what := "upstream " + e.Health.Upstream
		if e.Health.Endpoint != "" {
			what = fmt.Sprintf("endpoint %s of %s", e.Health.Endpoint, e.Health.Upstream)
		}
		line := fmt.Sprintf("health: %s is %s", what, e.Health.Change)
		if e.Health.Error != "" {
			line += ": " + e.Health.Error
		}
		return line
	case e.Deed != nil:
		return fmt.Sprintf("deed: %s, %s: %s", callerOf(e.Deed), e.Deed.Call, e.Deed.Result)
	case e.Alarm != nil && e.Kind == api.EventAlarmOver:
		return "over: " + e.Alarm.Text
	case e.Alarm != nil:
		return fmt.Sprintf("%s: %s", e.Alarm.Level, e.Alarm.Text)
	}
	return string(e.Kind)
}

// callerOf is where a caller is, and what it has shown.
func callerOf(d *api.Deed) string {
	text := d.From
	if d.Certificate != "" {
		text += ", certificate " + d.Certificate
	}
	if d.Token != "" {
		text += ", token of the " + d.Token
	}
	return text
}
