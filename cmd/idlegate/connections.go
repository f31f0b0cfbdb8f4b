package main

import (
	"github.com/spf13/cobra"

	"idlegate/cmd/idlegate/internal/listing"
)

func newConnections() *cobra.Command {
	var filter filterFlags
	var sort string
	var limit int
	cmd := newRemote(&cobra.Command{
		Use:   "connections",
		Short: "List the open connections",
		Long: "List the open connections: all of them, or those that every given flag lets through. SILENCE is the time since the\n" +
			"client's last complete message, MESSAGES and BYTES are those of both sides, NEXT is the timer that ends the connection\n" +
			"next as things stand.",
		Example: "  idlegate connections --route devices --idle 1m --sort -silence\n" +
			"  idlegate connections --due 10s -o json",
		Args: arguments(),
	}, func(c *call) error {
		if limit < 0 {
			return usage(c.Command, "--limit must not be less than 0, which is no limit")
		}
		all, err := c.gateway.All(c.Context(), filter.filter(), sort, limit)
		if err != nil {
			return err
		}
		if c.json {
			return c.printJSON(all)
		}
		if err := c.printLines(listing.Lines(all.Connections, 0)); err != nil {
			return err
		}
		if limit > 0 && len(all.Connections) == limit && all.Total > limit {
			c.remark("%d of %d are shown; without --limit all are", limit, all.Total)
		}
		return nil
	})
	filter.addLoose(cmd)
	cmd.Flags().Var(word{to: &sort, known: sortKeys()}, "sort", "by id, route, client, endpoint, state, age, silence, bytes, messages or due; with - before it, descending")
	cmd.Flags().IntVar(&limit, "limit", 0, "show `N` at most; 0: all")
	complete(cmd, "sort", choose(sortKeys()...))
	return cmd
}
