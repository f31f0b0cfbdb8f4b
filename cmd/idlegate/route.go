package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/figure"
	"idlegate/gateway/admin/api"
)

func newRoute() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "route stop|start NAME",
		Short: "Stop a route from taking clients, or let it take them again",
		Args:  oneOf("stop", "start"),
		RunE:  func(*cobra.Command, []string) error { return nil }, // oneOf refuses before
	}
	cmd.AddCommand(newRouteOrder("stop", "Stop a route from taking clients", "Stop a route from taking clients: those that come are refused as denied. Open connections stay; 'idlegate drain --route'\n"+
		"ends them, too. It holds over edits, until 'route start' or a restart."), newRouteOrder("start", "Let a route take clients again", "Let a route take clients again that was stopped or drained by hand."))
	return cmd
}

// oneOf is the argument check of a command that has only subcommands.
func oneOf(words ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 || !slices.Contains(words, args[0]) {
			return usage(cmd, "%s needs one of %s", cmd.Name(), strings.Join(words, ", "))
		}
		return nil
	}
}

func newRouteOrder(word, short, long string) *cobra.Command {
	return newRemote(&cobra.Command{Use: word + " NAME", Short: short, Long: long, Args: arguments("NAME"), ValidArgsFunction: routeNames()}, func(c *call) error {
		order := c.gateway.StartRoute
		if word == "stop" {
			order = c.gateway.StopRoute
		}
		return c.setByHand(order(c.Context(), c.args[0]))
	})
}

// setByHand prints what is set by hand after a command has set something.
func (c *call) setByHand(status api.Status, err error) error {
	switch {
	case err != nil:
		return err
	case c.json:
		return c.printJSON(status)
	}
	return c.printLines(byHand(status))
}

// byHand is a line for each thing that is set by hand.
func byHand(s api.Status) []string {
	if len(s.ByHand) == 0 {
		return []string{"nothing is set by hand"}
	}
	var lines []string
	for _, one := range s.ByHand {
		lines = append(lines, fmt.Sprintf("set by hand for %s: %s; undo: %s", figure.Duration(s.Now.Sub(one.Since).Seconds()), one.What, one.Undo))
	}
	return lines
}

func newLog() *cobra.Command {
	levels := []string{"debug", "info", "warn", "error", "file"}
	return newRemote(&cobra.Command{
		Use:   "log LEVEL",
		Short: "Set the level of the gateway's log",
		Long: "Log lines of LEVEL and above (debug, info, warn or error), whatever the policy file says; 'file' takes\n" +
			"that back. It holds over edits, until it is taken back or the gateway is started again.",
		Example:   "  idlegate log debug\n  idlegate log file",
		Args:      arguments("LEVEL"),
		ValidArgs: levels,
	}, func(c *call) error {
		if !slices.Contains(levels, c.args[0]) {
			return usage(c.Command, "%q is no level: write one of %s", c.args[0], strings.Join(levels, ", "))
		}
		set := func(ctx context.Context) (api.Status, error) { return c.gateway.LogLevel(ctx, c.args[0]) }
		if c.args[0] == "file" {
			set = c.gateway.LogAsFile
		}
		return c.setByHand(set(c.Context()))
	})
}
